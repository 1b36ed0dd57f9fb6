extension Schema {
    static let afterFunctions = """
        -- Where the numbers of a function begin that has the name of one that was deleted.
        ALTER TABLE function ADD COLUMN firstVersion INTEGER NOT NULL DEFAULT 1;
        DELETE FROM idempotency WHERE function IN (SELECT name FROM function WHERE isDeleted = 1);
        DELETE FROM failing WHERE function IN (SELECT name FROM function WHERE isDeleted = 1);

        -- What was decided for a call when it was accepted. NULL for one that was accepted before.
        ALTER TABLE asyncCall ADD COLUMN settings TEXT CHECK (settings IS NULL OR json_valid(settings));

        -- Whom webhooks share their places with. NULL for those that were due before.
        ALTER TABLE webhook ADD COLUMN host TEXT;
        ALTER TABLE webhook ADD COLUMN function TEXT;
        """
}
