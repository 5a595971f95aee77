-- All functions and triggers of the database, each once, as they are now. Every statement replaces what is there, so
-- the file can run again: a migration that changes one of them changes this file and runs it.

-- Lists read counts and texts of leads from tables of their own. These triggers append what a statement changed in
-- `leads`; the sweeper folds the deltas and fills the search. Triggers, so that no writer can forget it.
--
-- Most statements change one lead alone. Then there is nothing to sum up, and a changed lead nearly always keeps its
-- counts and its name: this way costs half. The other way is one statement for all three tables, since to start and end
-- a statement is most of what it costs. A row that came counts 1, one that went counts -1; what stays alike cancels
-- out. In counts 0 and the empty text stand for none.

CREATE OR REPLACE FUNCTION leads_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM new_leads OFFSET 1) THEN
        INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                       assigned_user_id, starred, n)
        SELECT workspace_id, l.tag_ids, coalesce(l.source, ''), l.status, coalesce(l.pipeline_id, 0),
               coalesce(l.pipeline_stage_id, 0), coalesce(l.assigned_user_id, 0), l.starred, 1
        FROM new_leads l;
        INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
        SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), 1
        FROM new_leads, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at);
        INSERT INTO lead_search_queue (workspace_id, lead_ids) SELECT workspace_id, ARRAY[id] FROM new_leads;
        RETURN NULL;
    END IF;
    WITH counted AS (
        INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                       assigned_user_id, starred, n)
        SELECT workspace_id, l.tag_ids, coalesce(l.source, ''), l.status, coalesce(l.pipeline_id, 0),
               coalesce(l.pipeline_stage_id, 0), coalesce(l.assigned_user_id, 0), l.starred, sum(n)
        FROM (SELECT *, 1 AS n FROM new_leads) l
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0
    ), timed AS (
        INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
        SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), sum(n)
        FROM (SELECT *, 1 AS n FROM new_leads) c,
             LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at)
        GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    )
    INSERT INTO lead_search_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(id)
    FROM (SELECT *, row_number() OVER () / 500 AS part FROM (SELECT workspace_id, id FROM new_leads) r) p
    GROUP BY workspace_id, part;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION leads_update() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lead leads;
    former leads;
BEGIN
    IF NOT EXISTS (SELECT FROM new_leads OFFSET 1) THEN
        SELECT * INTO lead FROM new_leads;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO former FROM old_leads;
        IF (lead.tag_ids, coalesce(lead.source, ''), lead.status, coalesce(lead.pipeline_id, 0),
            coalesce(lead.pipeline_stage_id, 0), coalesce(lead.assigned_user_id, 0), lead.starred)
           IS DISTINCT FROM
           (former.tag_ids, coalesce(former.source, ''), former.status, coalesce(former.pipeline_id, 0),
            coalesce(former.pipeline_stage_id, 0), coalesce(former.assigned_user_id, 0), former.starred) THEN
            INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                           assigned_user_id, starred, n)
            VALUES (lead.workspace_id, lead.tag_ids, coalesce(lead.source, ''), lead.status,
                    coalesce(lead.pipeline_id, 0), coalesce(lead.pipeline_stage_id, 0),
                    coalesce(lead.assigned_user_id, 0), lead.starred, 1),
                   (former.workspace_id, former.tag_ids, coalesce(former.source, ''), former.status,
                    coalesce(former.pipeline_id, 0), coalesce(former.pipeline_stage_id, 0),
                    coalesce(former.assigned_user_id, 0), former.starred, -1);
        END IF;
        IF date_bin('5 minutes', lead.created_at, 'epoch') <> date_bin('5 minutes', former.created_at, 'epoch') THEN
            INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
            VALUES (lead.workspace_id, 'created_at', date_bin('5 minutes', lead.created_at, 'epoch'), 1),
                   (former.workspace_id, 'created_at', date_bin('5 minutes', former.created_at, 'epoch'), -1);
        END IF;
        IF date_bin('5 minutes', lead.updated_at, 'epoch') <> date_bin('5 minutes', former.updated_at, 'epoch') THEN
            INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
            VALUES (lead.workspace_id, 'updated_at', date_bin('5 minutes', lead.updated_at, 'epoch'), 1),
                   (former.workspace_id, 'updated_at', date_bin('5 minutes', former.updated_at, 'epoch'), -1);
        END IF;
        IF (lead.first_name, lead.last_name, lead.email, lead.phone, lead.company, lead.custom_fields)
           IS DISTINCT FROM (former.first_name, former.last_name, former.email, former.phone, former.company,
                             former.custom_fields) THEN
            INSERT INTO lead_search_queue (workspace_id, lead_ids) VALUES (lead.workspace_id, ARRAY[lead.id]);
        END IF;
        RETURN NULL;
    END IF;
    WITH counted AS (
        INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                       assigned_user_id, starred, n)
        SELECT workspace_id, l.tag_ids, coalesce(l.source, ''), l.status, coalesce(l.pipeline_id, 0),
               coalesce(l.pipeline_stage_id, 0), coalesce(l.assigned_user_id, 0), l.starred, sum(n)
        FROM (SELECT *, 1 AS n FROM new_leads UNION ALL SELECT *, -1 AS n FROM old_leads) l
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0
    ), timed AS (
        INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
        SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), sum(n)
        FROM (SELECT *, 1 AS n FROM new_leads UNION ALL SELECT *, -1 AS n FROM old_leads) c,
             LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at)
        GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    )
    INSERT INTO lead_search_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(id)
    FROM (SELECT *, row_number() OVER () / 500 AS part
          FROM (SELECT workspace_id, id FROM new_leads n JOIN old_leads o USING (workspace_id, id)
                WHERE (n.first_name, n.last_name, n.email, n.phone, n.company, n.custom_fields)
                      IS DISTINCT FROM (o.first_name, o.last_name, o.email, o.phone, o.company, o.custom_fields)) r) p
    GROUP BY workspace_id, part;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION leads_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH counted AS (
        INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                       assigned_user_id, starred, n)
        SELECT workspace_id, tag_ids, coalesce(source, ''), status, coalesce(pipeline_id, 0),
               coalesce(pipeline_stage_id, 0), coalesce(assigned_user_id, 0), starred, sum(n)
        FROM (SELECT *, -1 AS n FROM old_leads) c
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0
    ), timed AS (
        INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
        SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), sum(n)
        FROM (SELECT *, -1 AS n FROM old_leads) c,
             LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at)
        GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    )
    INSERT INTO lead_search_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(id)
    FROM (SELECT *, row_number() OVER () / 500 AS part FROM (SELECT workspace_id, id FROM old_leads) r) p
    GROUP BY workspace_id, part;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER leads_insert AFTER INSERT ON leads
REFERENCING NEW TABLE AS new_leads FOR EACH STATEMENT EXECUTE FUNCTION leads_insert();
CREATE OR REPLACE TRIGGER leads_update AFTER UPDATE ON leads
REFERENCING OLD TABLE AS old_leads NEW TABLE AS new_leads FOR EACH STATEMENT EXECUTE FUNCTION leads_update();
CREATE OR REPLACE TRIGGER leads_delete AFTER DELETE ON leads
REFERENCING OLD TABLE AS old_leads FOR EACH STATEMENT EXECUTE FUNCTION leads_delete();

-- The queue of likeness is filled where the search texts are folded, so that it costs the writers of leads nothing. A
-- note of possible duplicates need not change a lead, so it has a way of its own.

CREATE OR REPLACE FUNCTION possible_duplicates_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO likeness_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(DISTINCT lead_id) FROM new_pairs GROUP BY workspace_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER possible_duplicates_insert AFTER INSERT ON possible_duplicates
REFERENCING NEW TABLE AS new_pairs FOR EACH STATEMENT EXECUTE FUNCTION possible_duplicates_insert();

-- `lead_updates` is the order of the times of updates, apart from `leads`: an index there on a column that changes
-- would have each update write to all indexes of the lead. No sequential scans: a plan that was made while the table
-- was empty, and kept, would read all of it each time.

CREATE OR REPLACE FUNCTION lead_updates_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lead_updates (workspace_id, updated_at, id) SELECT workspace_id, updated_at, id FROM new_leads;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION lead_updates_update() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    UPDATE lead_updates u SET updated_at = n.updated_at
    FROM old_leads o JOIN new_leads n
        ON n.workspace_id = o.workspace_id AND n.id = o.id AND n.updated_at <> o.updated_at
    WHERE u.workspace_id = o.workspace_id AND u.updated_at = o.updated_at AND u.id = o.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION lead_updates_delete() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM lead_updates u USING old_leads o
    WHERE u.workspace_id = o.workspace_id AND u.updated_at = o.updated_at AND u.id = o.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER lead_updates_insert AFTER INSERT ON leads
REFERENCING NEW TABLE AS new_leads FOR EACH STATEMENT EXECUTE FUNCTION lead_updates_insert();
CREATE OR REPLACE TRIGGER lead_updates_update AFTER UPDATE ON leads
REFERENCING OLD TABLE AS old_leads NEW TABLE AS new_leads FOR EACH STATEMENT EXECUTE FUNCTION lead_updates_update();
CREATE OR REPLACE TRIGGER lead_updates_delete AFTER DELETE ON leads
REFERENCING OLD TABLE AS old_leads FOR EACH STATEMENT EXECUTE FUNCTION lead_updates_delete();

-- Workers keep the rules of a workspace in memory for as long as the version stays. `is_watched` says whether anything
-- waits for its events: automations, scoring rules, subscriptions, forms that send mails, integrations that tell ad
-- platforms of leads, and a feed that somebody reads.
-- Leads that hold points of rules count too: otherwise the points of the last rule would stay with them for ever.
--
-- Two statements: the first one waits for the lock on the row, and the second one sees what the writers before it
-- committed.

CREATE OR REPLACE FUNCTION rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    workspace bigint := coalesce(NEW.workspace_id, OLD.workspace_id);
    has_feed boolean := false;
BEGIN
    INSERT INTO rule_versions (workspace_id, version) VALUES (workspace, 1)
    ON CONFLICT (workspace_id) DO UPDATE SET version = rule_versions.version + 1;
    IF to_regclass('event_feeds') IS NOT NULL THEN  -- earlier migrations change rules before the table is there
        has_feed := EXISTS (SELECT 1 FROM event_feeds WHERE workspace_id = workspace AND is_recording);
    END IF;
    UPDATE rule_versions SET is_watched = has_feed
        OR EXISTS (SELECT 1 FROM automations WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM scoring_rules WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM webhook_subscriptions WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM lead_points WHERE workspace_id = workspace AND points <> 0)
        OR EXISTS (SELECT 1 FROM forms WHERE workspace_id = workspace
                   AND (settings->'notify_emails' <> '[]' OR settings ? 'auto_reply'))
        OR EXISTS (SELECT 1 FROM integrations WHERE workspace_id = workspace AND is_active
                   AND type IN ('meta_conversions', 'google_data_manager'))
    WHERE workspace_id = workspace;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF is_active, trigger, steps, secrets
ON automations FOR EACH ROW EXECUTE FUNCTION rules_changed();
CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF is_active, field, operator, value, points
ON scoring_rules FOR EACH ROW EXECUTE FUNCTION rules_changed();
CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF is_active, events
ON webhook_subscriptions FOR EACH ROW EXECUTE FUNCTION rules_changed();
CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF settings
ON forms FOR EACH ROW EXECUTE FUNCTION rules_changed();
CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF is_active, settings
ON integrations FOR EACH ROW EXECUTE FUNCTION rules_changed();

-- Workers keep in memory what a batch of leads must know of its workspace: settings, the default pipeline with its first
-- stage, and tags by name. `workspaces.version` rises with each change of these. Triggers raise it, so that no writer
-- can forget it. A new tag raises nothing: a worker that does not know its name looks for it.

CREATE OR REPLACE FUNCTION facts_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE workspaces SET version = version + 1 WHERE id = coalesce(NEW.workspace_id, OLD.workspace_id);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER facts_changed AFTER INSERT OR DELETE OR UPDATE OF is_default
ON pipelines FOR EACH ROW EXECUTE FUNCTION facts_changed();
CREATE OR REPLACE TRIGGER facts_changed AFTER INSERT OR DELETE OR UPDATE OF pipeline_id, position
ON pipeline_stages FOR EACH ROW EXECUTE FUNCTION facts_changed();
CREATE OR REPLACE TRIGGER facts_changed AFTER DELETE OR UPDATE OF name
ON tags FOR EACH ROW EXECUTE FUNCTION facts_changed();

CREATE OR REPLACE FUNCTION settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER settings_changed BEFORE UPDATE OF country, merge_policy, fold_gmail
ON workspaces FOR EACH ROW EXECUTE FUNCTION settings_changed();

-- Triggers of their own, since earlier migrations run this file before the columns are there.

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'workspaces'::regclass AND attname = 'never_join') THEN
        CREATE OR REPLACE TRIGGER never_join_changed BEFORE UPDATE OF never_join
        ON workspaces FOR EACH ROW EXECUTE FUNCTION settings_changed();
    END IF;
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'tags'::regclass AND attname = 'alias_of') THEN
        CREATE OR REPLACE TRIGGER alias_changed AFTER UPDATE OF alias_of
        ON tags FOR EACH ROW EXECUTE FUNCTION facts_changed();
    END IF;
    IF to_regclass('event_feeds') IS NOT NULL THEN
        CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF is_recording
        ON event_feeds FOR EACH ROW EXECUTE FUNCTION rules_changed();
    END IF;
END $$;

-- The version that workers compare. Whether anything waits for events belongs to it as well, and has a number of its
-- own. Neither number ever falls, so the sum stays the same only while both do. One number for both would have the
-- writer of a rule wait for the writer who deletes a stage.

CREATE OR REPLACE FUNCTION workspace_version(workspace bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT w.version + coalesce((SELECT r.version FROM rule_versions r WHERE r.workspace_id = w.id), 0)
    FROM workspaces w WHERE w.id = workspace
$$;

-- For a batch that relies on a version: takes the shared lock that keeps others from deleting what leads may refer to,
-- then makes sure of the version. Volatile, so that it reads what was committed before it got the lock. An outdated
-- version is a serialization failure, after which the batch is tried again.

CREATE OR REPLACE FUNCTION hold_workspace(locks int, workspace bigint, assumed bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(locks, workspace::int);
    IF assumed IS DISTINCT FROM workspace_version(workspace) THEN
        RAISE EXCEPTION 'the workspace has changed' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END $$;

-- Histograms are arrays of counts. Two of them are merged by adding their counts; a missing one counts as empty.

CREATE OR REPLACE FUNCTION add_counts(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN coalesce(cardinality(a), 0) = 0 THEN coalesce(b, '{}')
                WHEN coalesce(cardinality(b), 0) = 0 THEN a
                ELSE ARRAY(SELECT coalesce(x, 0) + coalesce(y, 0)
                           FROM unnest(a, b) WITH ORDINALITY AS pairs(x, y, place) ORDER BY place) END
$$;

CREATE OR REPLACE AGGREGATE sum_counts(bigint[]) (SFUNC = add_counts, STYPE = bigint[], INITCOND = '{}');
