extension Schema {
    static let asyncCalls = """
        ALTER TABLE functionVersion ADD COLUMN secretNames TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE functionVersion ADD COLUMN concurrency INTEGER
            CHECK (concurrency IS NULL OR concurrency BETWEEN 1 AND 4096);
        ALTER TABLE functionVersion ADD COLUMN async TEXT CHECK (async IS NULL OR json_valid(async));

        CREATE TABLE functionSecret (
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            variable TEXT NOT NULL,
            keyId TEXT NOT NULL,
            sealed BLOB NOT NULL,
            PRIMARY KEY (name, version, variable),
            FOREIGN KEY (name, version) REFERENCES functionVersion (name, version) ON DELETE CASCADE
        ) WITHOUT ROWID, STRICT;

        ALTER TABLE call ADD COLUMN async TEXT CHECK (async IS NULL OR json_valid(async));
        ALTER TABLE call ADD COLUMN isDead INTEGER NOT NULL DEFAULT 0 CHECK (isDead IN (0, 1));
        CREATE INDEX call_dead ON call (id) WHERE isDead = 1;
        CREATE INDEX call_function_dead ON call (function, id) WHERE isDead = 1;

        -- The events of asynchronous calls that are not over, and of dead letters.
        CREATE TABLE asyncCall (
            id TEXT NOT NULL PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
            dueAtMs INTEGER NOT NULL,
            expiresAtMs INTEGER NOT NULL,
            -- An attempt was begun, and its end is not known yet.
            isClaimed INTEGER NOT NULL DEFAULT 0 CHECK (isClaimed IN (0, 1)),
            isDead INTEGER NOT NULL DEFAULT 0 CHECK (isDead IN (0, 1)),
            bytes INTEGER NOT NULL,
            event BLOB NOT NULL
        ) STRICT;
        CREATE INDEX asyncCall_dead ON asyncCall (id, bytes) WHERE isDead = 1;
        CREATE INDEX asyncCall_waiting ON asyncCall (id) WHERE isDead = 0;

        -- The results of asynchronous calls, and of those with an idempotency key.
        CREATE TABLE callResult (
            id TEXT NOT NULL PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
            bytes INTEGER NOT NULL,
            result BLOB NOT NULL
        ) STRICT;

        CREATE TABLE idempotency (
            function TEXT NOT NULL,
            idempotencyKey TEXT NOT NULL,
            -- SHA-256 of what was asked for.
            fingerprint BLOB NOT NULL,
            id TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
            createdAtMs INTEGER NOT NULL,
            PRIMARY KEY (function, idempotencyKey)
        ) STRICT;
        CREATE INDEX idempotency_call ON idempotency (id);
        CREATE INDEX idempotency_created ON idempotency (createdAtMs);

        CREATE TABLE webhook (
            id TEXT NOT NULL PRIMARY KEY REFERENCES call (id) ON DELETE CASCADE,
            url TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
            attempts INTEGER NOT NULL DEFAULT 0,
            dueAtMs INTEGER NOT NULL,
            lastError TEXT
        ) STRICT;
        CREATE INDEX webhook_due ON webhook (dueAtMs) WHERE state = 'pending';

        -- Functions whose latest calls failed, and how many in a row.
        CREATE TABLE failing (
            function TEXT NOT NULL PRIMARY KEY,
            calls INTEGER NOT NULL CHECK (calls >= 1),
            sinceMs INTEGER NOT NULL,
            cause TEXT NOT NULL
        ) WITHOUT ROWID, STRICT;

        ALTER TABLE usage ADD COLUMN resultBytes INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE usage ADD COLUMN deadBytes INTEGER NOT NULL DEFAULT 0;
        CREATE TRIGGER callResult_added AFTER INSERT ON callResult
        BEGIN UPDATE usage SET resultBytes = resultBytes + NEW.bytes; END;
        CREATE TRIGGER callResult_removed AFTER DELETE ON callResult
        BEGIN UPDATE usage SET resultBytes = resultBytes - OLD.bytes; END;
        CREATE TRIGGER asyncCall_died AFTER UPDATE OF isDead ON asyncCall WHEN NEW.isDead > OLD.isDead
        BEGIN UPDATE usage SET deadBytes = deadBytes + NEW.bytes; END;
        CREATE TRIGGER asyncCall_removed AFTER DELETE ON asyncCall WHEN OLD.isDead = 1
        BEGIN UPDATE usage SET deadBytes = deadBytes - OLD.bytes; END;
        """

    static let functionLogs = """
        DROP TRIGGER callLog_added;
        DROP TRIGGER callLog_removed;
        ALTER TABLE callLog RENAME TO oldCallLog;
        CREATE TABLE callLog (
            id TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
            attempt INTEGER NOT NULL,
            function TEXT NOT NULL,
            -- When the attempt ended.
            timeMs INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            lines BLOB NOT NULL,
            PRIMARY KEY (id, attempt)
        ) STRICT;
        CREATE INDEX callLog_function ON callLog (function, id, attempt, bytes);
        CREATE INDEX callLog_time ON callLog (timeMs);

        -- What retention needs to know of each function.
        CREATE TABLE logUsage (
            function TEXT NOT NULL PRIMARY KEY,
            bytes INTEGER NOT NULL CHECK (bytes >= 0)
        ) WITHOUT ROWID, STRICT;
        CREATE INDEX logUsage_bytes ON logUsage (bytes);

        UPDATE usage SET logBytes = 0;
        CREATE TRIGGER callLog_added AFTER INSERT ON callLog BEGIN
            UPDATE usage SET logBytes = logBytes + NEW.bytes;
            INSERT INTO logUsage VALUES (NEW.function, NEW.bytes)
                ON CONFLICT (function) DO UPDATE SET bytes = bytes + NEW.bytes;
        END;
        CREATE TRIGGER callLog_removed AFTER DELETE ON callLog BEGIN
            UPDATE usage SET logBytes = logBytes - OLD.bytes;
            UPDATE logUsage SET bytes = bytes - OLD.bytes WHERE function = OLD.function;
        END;
        INSERT INTO callLog
            SELECT id, 1, function, coalesce(endedAtMs, queuedAtMs), length(lines), lines
            FROM oldCallLog JOIN call USING (id);
        DROP TABLE oldCallLog;
        """

    static let longHistories = """
        -- Among all failed calls, or all completed ones, dead letters are few and far between.
        CREATE INDEX call_state_dead ON call (state, id) WHERE isDead = 1;
        CREATE INDEX call_function_state_dead ON call (function, state, id) WHERE isDead = 1;

        -- Tells from the index alone which calls printed since a time.
        DROP INDEX callLog_time;
        CREATE INDEX callLog_time ON callLog (timeMs, id);
        """
}
