import GRDB

/// The tables of registry.sqlite. A migration that has been released is never edited: a change is a
/// new migration below the others.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("2026-11 functions and versions") { db in
            try db.execute(
                sql: """
                    CREATE TABLE function (
                        name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
                        -- Stays when the function is deleted, so that numbers are never used twice.
                        lastVersion INTEGER NOT NULL CHECK (lastVersion >= 1),
                        isDeleted INTEGER NOT NULL DEFAULT 0 CHECK (isDeleted IN (0, 1))
                    ) WITHOUT ROWID, STRICT;
                    CREATE INDEX function_existing ON function (name) WHERE isDeleted = 0;

                    CREATE TABLE functionVersion (
                        name TEXT NOT NULL REFERENCES function (name),
                        version INTEGER NOT NULL CHECK (version >= 1),
                        runtime TEXT NOT NULL CHECK (runtime IN ('python', 'javascript')),
                        handler TEXT NOT NULL,
                        codeSha256 TEXT NOT NULL CHECK (length(codeSha256) = 64),
                        codeBytes INTEGER NOT NULL CHECK (codeBytes >= 0),
                        timeoutMs INTEGER NOT NULL CHECK (timeoutMs BETWEEN 1 AND 900000),
                        memoryMB INTEGER NOT NULL CHECK (memoryMB BETWEEN 32 AND 10240),
                        tmpMB INTEGER NOT NULL CHECK (tmpMB BETWEEN 1 AND 10240),
                        environment TEXT NOT NULL CHECK (json_valid(environment)),
                        description TEXT,
                        createdAtMs INTEGER NOT NULL,
                        PRIMARY KEY (name, version)
                    ) STRICT;
                    CREATE INDEX functionVersion_bundle ON functionVersion (codeSha256);
                    CREATE TRIGGER functionVersion_immutable BEFORE UPDATE ON functionVersion
                    BEGIN SELECT RAISE (ABORT, 'a version of a function never changes'); END;
                    """)
        }
        migrator.registerMigration("2026-11 calls and logs") { db in
            try db.execute(
                sql: """
                    CREATE TABLE call (
                        id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 26),
                        function TEXT NOT NULL,
                        version INTEGER NOT NULL,
                        runtime TEXT NOT NULL,
                        state TEXT NOT NULL CHECK (state IN
                            ('queued', 'running', 'completed', 'failed', 'timed_out', 'cancelled')),
                        cause TEXT CHECK (cause IS NULL OR state IN
                            ('failed', 'timed_out', 'cancelled')),
                        message TEXT,
                        errorType TEXT,
                        stack TEXT,
                        exitCode INTEGER,
                        signal TEXT,
                        blocked TEXT,
                        queuedAtMs INTEGER NOT NULL,
                        startedAtMs INTEGER,
                        endedAtMs INTEGER CHECK ((endedAtMs IS NULL) = (state IN ('queued', 'running'))),
                        queueMs REAL,
                        startMs REAL,
                        initMs REAL,
                        runMs REAL,
                        cpuMs REAL,
                        peakMemoryBytes INTEGER,
                        bytesIn INTEGER NOT NULL,
                        bytesOut INTEGER,
                        logBytes INTEGER,
                        logTruncated INTEGER,
                        timeoutMs INTEGER NOT NULL,
                        memoryMB INTEGER NOT NULL,
                        tmpMB INTEGER NOT NULL,
                        template TEXT
                    ) STRICT;
                    -- Lists are newest first by id, alone or with these equal.
                    CREATE INDEX call_function ON call (function, id);
                    CREATE INDEX call_state ON call (state, id);
                    CREATE INDEX call_function_state ON call (function, state, id);

                    CREATE TABLE callLog (
                        id TEXT NOT NULL PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
                        lines BLOB NOT NULL,
                        bytes INTEGER NOT NULL GENERATED ALWAYS AS (length(lines)) STORED
                    ) STRICT;

                    -- What retention needs to know without counting a million rows.
                    CREATE TABLE usage (
                        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
                        calls INTEGER NOT NULL CHECK (calls >= 0),
                        logBytes INTEGER NOT NULL CHECK (logBytes >= 0)
                    ) STRICT;
                    INSERT INTO usage VALUES (1, 0, 0);
                    CREATE TRIGGER call_added AFTER INSERT ON call
                    BEGIN UPDATE usage SET calls = calls + 1; END;
                    CREATE TRIGGER call_removed AFTER DELETE ON call
                    BEGIN UPDATE usage SET calls = calls - 1; END;
                    CREATE TRIGGER callLog_added AFTER INSERT ON callLog
                    BEGIN UPDATE usage SET logBytes = logBytes + NEW.bytes; END;
                    CREATE TRIGGER callLog_removed AFTER DELETE ON callLog
                    BEGIN UPDATE usage SET logBytes = logBytes - OLD.bytes; END;
                    """)
        }
        migrator.registerMigration("2026-11 asynchronous calls") { try $0.execute(sql: asyncCalls) }
        migrator.registerMigration("2026-11 logs by function") { try $0.execute(sql: functionLogs) }
        migrator.registerMigration("2026-11 long histories") { try $0.execute(sql: longHistories) }
        migrator.registerMigration("2026-11 isolation") { db in
            try db.execute(
                sql: """
                    ALTER TABLE functionVersion ADD COLUMN isolation TEXT NOT NULL DEFAULT 'call'
                        CHECK (isolation IN ('call', 'snapshot', 'reuse'));
                    """)
        }
        migrator.registerMigration("2026-12 documents, layers and access keys") { db in
            try db.execute(sql: documents)
        }
        migrator.registerMigration("2026-12 what outlives a function") { db in
            try db.execute(sql: afterFunctions)
        }
        migrator.registerMigration("2026-12 regions and labels") { db in
            try db.execute(sql: regions)
        }
        return migrator
    }
}
