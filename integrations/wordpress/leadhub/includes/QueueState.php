<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/**
 * How sending goes: until when it rests, the last error and success, and how many entries LeadHub will never get.
 *
 * `leadhub_due_at` is the one number that each visit reads, so that a visit costs no query while nothing waits.
 */
final class QueueState
{
    private const STATE = 'leadhub_queue_state';
    private const DUE_AT = 'leadhub_due_at';
    private const FIRST_PAUSE = 60; // seconds
    private const LONGEST_PAUSE = 3600;
    private const LONGEST_WISH = 6 * 3600; // of LeadHub's Retry-After
    private const EMPTY_STATE = [
        'failures' => 0,
        'paused_until' => 0,
        'last_error' => '',
        'last_error_at' => 0,
        'last_success_at' => 0,
        'removed' => 0,
        'not_queued' => 0,
        'shortened' => 0,
        'is_key_refused' => 0,
    ];

    /** @return array<string, int|string> */
    public static function read(): array
    {
        return (array) get_option(self::STATE, []) + self::EMPTY_STATE;
    }

    public static function remove(): void
    {
        delete_option(self::STATE);
        delete_option(self::DUE_AT);
    }

    public static function isPaused(): bool
    {
        return (int) self::read()['paused_until'] > time();
    }

    /** Rest after a failure: ever longer, or as long as LeadHub asks. Returns until when. */
    public static function fail(string $error, ?int $retry_after): int
    {
        $state = self::read();
        $failures = (int) $state['failures'] + 1;
        /** Seconds of the first rest after a failure; each further one is twice as long, up to an hour. */
        $first = max(1, (int) apply_filters('leadhub_first_pause', self::FIRST_PAUSE));
        $seconds = min(self::LONGEST_PAUSE, $first * 2 ** min(12, $failures - 1));
        if ($retry_after !== null) {
            $seconds = max($first, min(self::LONGEST_WISH, $retry_after));
        }
        $until = time() + (int) $seconds;
        $error_fields = ['last_error' => $error, 'last_error_at' => time()];
        self::write(['failures' => $failures, 'paused_until' => $until] + $error_fields + $state);
        return $until;
    }

    public static function succeed(): void
    {
        $state = ['failures' => 0, 'paused_until' => 0, 'is_key_refused' => 0, 'last_success_at' => time()];
        self::write($state + self::read());
    }

    /** Note if LeadHub refuses the key, until it takes an entry or the operator enters another key. */
    public static function noteKey(ApiAnswer $answer): void
    {
        if ($answer->isKeyRefused()) {
            self::write(['is_key_refused' => 1] + self::read());
        }
    }

    /** The key is another one, or was tried with success. */
    public static function forgetKey(): void
    {
        self::write(['is_key_refused' => 0] + self::read());
    }

    /** Note an error that concerns one entry alone. */
    public static function noteError(string $error): void
    {
        self::write(['last_error' => $error, 'last_error_at' => time()] + self::read());
    }

    public static function endPause(): void
    {
        self::write(['paused_until' => 0] + self::read());
    }

    /** Count entries: `removed` after their days, `not_queued` for want of room, or sent `shortened`. */
    public static function count(string $what, int $number): void
    {
        if ($number > 0) {
            $state = self::read();
            self::write([$what => (int) $state[$what] + $number] + $state);
        }
    }

    public static function forgetCounts(): void
    {
        self::write(['removed' => 0, 'not_queued' => 0, 'shortened' => 0] + self::read());
    }

    /** Whether a visit should send: something waits, and is due. */
    public static function isDue(): bool
    {
        $due_at = (int) get_option(self::DUE_AT, 0);
        return $due_at > 0 && $due_at <= time();
    }

    public static function noteNextDue(): void
    {
        // Without a connection no visit could send anything.
        $next = Settings::isConnected() ? QueueTable::nextDueAt() : 0;
        self::noteDue($next === 0 ? 0 : max($next, (int) self::read()['paused_until']));
    }

    public static function noteDue(int $time): void
    {
        if ((int) get_option(self::DUE_AT, 0) !== $time) {
            update_option(self::DUE_AT, $time, true);
        }
    }

    /** @param array<string, int|string> $state */
    private static function write(array $state): void
    {
        update_option(self::STATE, $state, false);
    }
}
