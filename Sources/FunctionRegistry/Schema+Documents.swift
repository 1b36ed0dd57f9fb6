extension Schema {
    static let documents = """
        -- What an API keeps beside functions: JSON under a name, with the files that it needs.
        CREATE TABLE document (
            collection TEXT NOT NULL,
            key TEXT NOT NULL,
            -- The function that it goes with, where there is one.
            function TEXT REFERENCES function (name),
            -- A bundle, and an archive as it was sent, that are kept as long as this.
            bundle TEXT CHECK (bundle IS NULL OR length(bundle) = 64),
            archive TEXT CHECK (archive IS NULL OR length(archive) = 64),
            body TEXT NOT NULL CHECK (json_valid(body)),
            PRIMARY KEY (collection, key)
        ) STRICT;
        CREATE INDEX document_function ON document (function) WHERE function IS NOT NULL;
        CREATE INDEX document_bundle ON document (bundle) WHERE bundle IS NOT NULL;
        CREATE INDEX document_archive ON document (archive) WHERE archive IS NOT NULL;

        -- A second bundle, which a cell sees under /opt.
        ALTER TABLE functionVersion ADD COLUMN layers TEXT
            CHECK (layers IS NULL OR length(layers) = 64);
        CREATE INDEX functionVersion_layers ON functionVersion (layers) WHERE layers IS NOT NULL;

        -- What a receiver is told of the event of a call that is over, where it is to be.
        ALTER TABLE webhook ADD COLUMN event BLOB;

        CREATE TABLE accessKey (
            id TEXT NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 16 AND 128),
            description TEXT NOT NULL,
            keyId TEXT NOT NULL,
            sealed BLOB NOT NULL,
            createdAtMs INTEGER NOT NULL
        ) WITHOUT ROWID, STRICT;
        """
}
