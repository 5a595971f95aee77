<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/**
 * The entries on their way to LeadHub, one row each. A row outlives LeadHub's absence and a restart of the server.
 *
 * `waiting` → `sent`, or `refused` by LeadHub, or `given_up` after the days that the operator chose.
 * A sent row loses its content and stays as the memory that this entry was sent.
 */
final class QueueTable
{
    public const WAITING = 'waiting';
    public const SENT = 'sent';
    public const REFUSED = 'refused';
    public const GIVEN_UP = 'given_up';
    public const MOST_UNSENT = 10000; // rows

    private const VERSION = 2;
    private const VERSION_OPTION = 'leadhub_table_version';
    private const CLAIM_SECONDS = 120;
    private const LONGEST_ERROR = 500; // characters

    public static function name(): string
    {
        global $wpdb;
        return $wpdb->prefix . 'leadhub_queue';
    }

    /** Make the table, or bring it to this version. Costs nothing where it is there. */
    public static function install(): void
    {
        global $wpdb;
        if ((int) get_option(self::VERSION_OPTION) === self::VERSION) {
            return;
        }
        require_once ABSPATH . 'wp-admin/includes/upgrade.php';
        dbDelta(
            'CREATE TABLE ' . self::name() . " (
            id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
            entry_key varchar(191) NOT NULL,
            form_key varchar(100) NOT NULL,
            form_number int(10) unsigned NOT NULL DEFAULT 0,
            state varchar(10) NOT NULL,
            payload longtext NOT NULL,
            entry longtext NULL,
            is_outdated tinyint(1) NOT NULL DEFAULT 0,
            attempts int(11) NOT NULL DEFAULT 0,
            next_attempt_at bigint(20) NOT NULL,
            claimed_until bigint(20) NOT NULL DEFAULT 0,
            last_error text NOT NULL,
            created_at bigint(20) NOT NULL,
            changed_at bigint(20) NOT NULL,
            PRIMARY KEY  (id),
            UNIQUE KEY entry_key (entry_key),
            KEY state (state,next_attempt_at)
            ) {$wpdb->get_charset_collate()};"
        );
        update_option(self::VERSION_OPTION, self::VERSION, true);
    }

    public static function drop(): void
    {
        global $wpdb;
        $wpdb->query('DROP TABLE IF EXISTS ' . self::name());
        delete_option(self::VERSION_OPTION);
    }

    /**
     * Whether the entry is in the queue now. One whose key is there already is left alone.
     *
     * One with a problem is kept as refused.
     *
     * @param string $entry the answers, for another mapping
     * @throws \RuntimeException if the database does not take it
     */
    public static function add(
        string $entry_key,
        string $form_key,
        EntryPayload $payload,
        string $entry
    ): bool {
        global $wpdb;
        self::install();
        $now = time();
        $state = $payload->problem === '' ? self::WAITING : self::REFUSED;
        $sql = 'INSERT IGNORE INTO ' . self::name() . ' (entry_key, form_key, form_number, state, payload, entry,'
            . ' next_attempt_at, last_error, created_at, changed_at) VALUES (%s, %s, %d, %s, %s, %s, %d, %s, %d, %d)';
        $row = [$entry_key, $form_key, $payload->formNumber, $state, $payload->text, $entry];
        $values = array_merge($row, [$now, $payload->problem, $now, $now]);
        $added = $wpdb->query($wpdb->prepare($sql, $values));
        if ($added === false) {
            throw new \RuntimeException('the database did not take an entry');
        }
        return (bool) $added;
    }

    /** Whether an entry of that key came after a time. */
    public static function hasSince(string $entry_key, int $since): bool
    {
        global $wpdb;
        self::install();
        $sql = 'SELECT COUNT(*) FROM ' . self::name() . ' WHERE entry_key = %s AND created_at >= %d';
        return (bool) $wpdb->get_var($wpdb->prepare($sql, $entry_key, $since));
    }

    /** The next row that is due, for this process alone; null if there is none. */
    public static function claimDue(int $now): ?object
    {
        global $wpdb;
        self::install();
        $due = 'SELECT * FROM ' . self::name() . ' WHERE state = %s AND next_attempt_at <= %d AND claimed_until <= %d'
            . ' ORDER BY next_attempt_at, id LIMIT 1';
        $claim = 'UPDATE ' . self::name() . ' SET claimed_until = %d, attempts = attempts + 1'
            . ' WHERE id = %d AND state = %s AND claimed_until = %d';
        for ($try = 0; $try < 10; $try++) { // another process may be quicker with each of them
            $row = $wpdb->get_row($wpdb->prepare($due, self::WAITING, $now, $now));
            if (!$row) {
                return null;
            }
            $values = [$now + self::CLAIM_SECONDS, $row->id, self::WAITING, $row->claimed_until];
            if ($wpdb->query($wpdb->prepare($claim, $values))) {
                $row->attempts = (int) $row->attempts + 1;
                return $row;
            }
        }
        return null;
    }

    public static function markSent(int $id): void
    {
        self::change($id, ['state' => self::SENT, 'payload' => '', 'entry' => '', 'last_error' => '']);
    }

    /** The entry has a payload by another mapping. */
    public static function replacePayload(int $id, EntryPayload $payload): void
    {
        global $wpdb;
        $values = ['payload' => $payload->text, 'form_number' => $payload->formNumber, 'is_outdated' => 0];
        $wpdb->update(self::name(), $values, ['id' => $id]);
    }

    public static function refuse(int $id, string $error): void
    {
        self::change($id, ['state' => self::REFUSED, 'last_error' => $error]);
    }

    public static function postpone(int $id, string $error, int $until): void
    {
        self::change($id, ['last_error' => $error, 'next_attempt_at' => $until]);
    }

    /** Give up what waits since before a time. Returns how many these are. */
    public static function giveUpBefore(int $time): int
    {
        global $wpdb;
        $sql = 'UPDATE ' . self::name() . ' SET state = %s, changed_at = %d WHERE state = %s AND created_at < %d';
        return (int) $wpdb->query($wpdb->prepare($sql, self::GIVEN_UP, time(), self::WAITING, $time));
    }

    /** Delete what was settled before a time. Returns how many of these LeadHub never got. */
    public static function deleteBefore(int $time): int
    {
        global $wpdb;
        $where = ' WHERE state = %s AND changed_at < %d';
        $delete = 'DELETE FROM ' . self::name() . $where;
        $wpdb->query($wpdb->prepare($delete, self::SENT, $time));
        $lost = 0;
        foreach ([self::REFUSED, self::GIVEN_UP] as $state) {
            $lost += (int) $wpdb->query($wpdb->prepare($delete, $state, $time));
        }
        return $lost;
    }

    /** Have all waiting rows tried at once; with `$all` also those that were refused or given up. */
    public static function release(bool $all): void
    {
        global $wpdb;
        self::install();
        $now = time();
        $states = $all ? [self::WAITING, self::REFUSED, self::GIVEN_UP] : [self::WAITING];
        $set = 'UPDATE ' . self::name() . ' SET state = %s, next_attempt_at = %d, changed_at = %d';
        foreach ($states as $state) {
            // The days until it is given up begin anew with a wish of the operator, and the mapping may be another.
            $again = $state === self::WAITING ? '' : $wpdb->prepare(', is_outdated = 1, created_at = %d', $now);
            $sql = $wpdb->prepare($set, self::WAITING, $now, $now) . $again;
            $wpdb->query($sql . $wpdb->prepare(" WHERE state = %s AND payload <> ''", $state));
        }
    }

    /** Remove what was refused or given up, because the operator saw it. */
    public static function deleteUnsent(): int
    {
        global $wpdb;
        $sql = 'DELETE FROM ' . self::name() . ' WHERE state IN (%s, %s)';
        return (int) $wpdb->query($wpdb->prepare($sql, self::REFUSED, self::GIVEN_UP));
    }

    /** @return array<string, int> the number of rows by state */
    public static function counts(): array
    {
        global $wpdb;
        self::install();
        $counts = array_fill_keys([self::WAITING, self::SENT, self::REFUSED, self::GIVEN_UP], 0);
        $sql = 'SELECT state, COUNT(*) AS number FROM ' . self::name() . ' GROUP BY state';
        foreach ($wpdb->get_results($sql) as $row) {
            $counts[$row->state] = (int) $row->number;
        }
        return $counts;
    }

    public static function isFull(): bool
    {
        $counts = self::counts();
        return $counts[self::WAITING] + $counts[self::REFUSED] + $counts[self::GIVEN_UP] >= self::MOST_UNSENT;
    }

    /** When the next waiting row is due; 0 if none waits. */
    public static function nextDueAt(): int
    {
        global $wpdb;
        $sql = 'SELECT MIN(next_attempt_at) FROM ' . self::name() . ' WHERE state = %s';
        return (int) $wpdb->get_var($wpdb->prepare($sql, self::WAITING));
    }

    /** @return object[] the newest rows that are not sent, without their content */
    public static function newestUnsent(int $limit): array
    {
        global $wpdb;
        self::install();
        $sql = 'SELECT id, form_key, state, attempts, last_error, created_at, next_attempt_at FROM ' . self::name()
            . ' WHERE state <> %s ORDER BY id DESC LIMIT %d';
        return $wpdb->get_results($wpdb->prepare($sql, self::SENT, $limit));
    }

    /** @return object[] rows whose content has the email address */
    public static function ofPerson(string $email, int $limit): array
    {
        global $wpdb;
        self::install();
        $sql = 'SELECT id, payload, entry, created_at FROM ' . self::name()
            . ' WHERE payload LIKE %s OR entry LIKE %s ORDER BY id LIMIT %d';
        $text = '%' . $wpdb->esc_like(substr(wp_json_encode($email), 1, -1)) . '%';
        return $wpdb->get_results($wpdb->prepare($sql, $text, $text, $limit));
    }

    public static function delete(int $id): void
    {
        global $wpdb;
        $wpdb->delete(self::name(), ['id' => $id], ['%d']);
    }

    /** @param array<string, string|int> $values */
    private static function change(int $id, array $values): void
    {
        global $wpdb;
        if (isset($values['last_error'])) {
            $values['last_error'] = mb_substr((string) $values['last_error'], 0, self::LONGEST_ERROR);
        }
        $values += ['claimed_until' => 0, 'changed_at' => time()];
        $wpdb->update(self::name(), $values, ['id' => $id]);
    }
}
