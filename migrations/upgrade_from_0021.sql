-- Turns a database at 0021, the last migration of the earlier series, into one at r0001, the first of this series. It
-- runs in one transaction with `functions.sql`, which comes after it, and with the new number: see `cli/schema.py`.
--
-- Tables have the names of what they hold. Their constraints, indexes and sequences follow.

DO $$
DECLARE
    renamed record;
    part record;
BEGIN
    FOR renamed IN
        SELECT * FROM (VALUES
            ('automation_turns', 'round_robin_counters'),
            ('silences', 'inactivity_timers'),
            ('tallies', 'counters'),
            ('tally_deltas', 'counter_deltas'),
            ('lead_marginals', 'lead_counts_by_field'),
            ('lead_times', 'lead_counts_by_time'),
            ('cleanups', 'background_cleanups')
        ) tables (former, present)
    LOOP
        EXECUTE format('ALTER TABLE %I RENAME TO %I', renamed.former, renamed.present);
        FOR part IN
            SELECT conname AS name FROM pg_constraint
            WHERE conrelid = renamed.present::regclass AND position(renamed.former IN conname) > 0
        LOOP
            EXECUTE format('ALTER TABLE %I RENAME CONSTRAINT %I TO %I', renamed.present, part.name,
                           replace(part.name, renamed.former, renamed.present));
        END LOOP;
        FOR part IN
            SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = renamed.present::regclass AND position(renamed.former IN c.relname) > 0
              AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)  -- has its constraint's new name
            UNION ALL
            SELECT c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
            WHERE d.classid = 'pg_class'::regclass AND d.refobjid = renamed.present::regclass AND d.deptype IN ('a', 'i')
              AND position(renamed.former IN c.relname) > 0
        LOOP
            -- PostgreSQL renames indexes and sequences in this way as well.
            EXECUTE format('ALTER TABLE %I RENAME TO %I', part.name,
                           replace(part.name, renamed.former, renamed.present));
        END LOOP;
    END LOOP;
END $$;

UPDATE background_cleanups SET kind = 'inactivity_timers' WHERE kind = 'silences';
