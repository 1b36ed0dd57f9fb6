extension Schema {
    static let regions = """
        -- Names of functions may have a region in front; see FunctionName.
        CREATE TABLE newFunction (
            name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
            lastVersion INTEGER NOT NULL CHECK (lastVersion >= 1),
            isDeleted INTEGER NOT NULL DEFAULT 0 CHECK (isDeleted IN (0, 1)),
            firstVersion INTEGER NOT NULL DEFAULT 1
        ) WITHOUT ROWID, STRICT;
        INSERT INTO newFunction SELECT name, lastVersion, isDeleted, firstVersion FROM function;
        DROP TABLE function;
        ALTER TABLE newFunction RENAME TO function;
        CREATE INDEX function_existing ON function (name) WHERE isDeleted = 0;

        -- What documents of a collection are found by besides their keys.
        ALTER TABLE document ADD COLUMN label TEXT;
        UPDATE document SET label = ':' || json_extract(body, '$.latest.logging.group')
            WHERE collection = 'lambda.function';
        UPDATE document SET body = json_set(
                body, '$.claimedConcurrency', json_extract(body, '$.reservedConcurrency'))
            WHERE collection = 'lambda.function' AND json_extract(body, '$.reservedConcurrency') > 0;
        CREATE INDEX document_label ON document (collection, label, key) WHERE label IS NOT NULL;
        """
}
