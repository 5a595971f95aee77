<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/**
 * When the queue is sent: at the end of the request that filled it, by WP-Cron, and at the end of a later visit.
 *
 * No visitor waits for LeadHub: where PHP can end the answer first, it does; otherwise one request of two seconds is
 * the most, after the page was written, and after a failure the next one is a minute or more away.
 */
final class Schedule
{
    private const SEND = 'leadhub_send_queue';
    private const SEND_NOW = 'leadhub_send_queue_now';
    private const INTERVAL = 'leadhub_five_minutes';
    private const TIDIED_AT = 'leadhub_tidied_at';
    private const CRON_ROWS = 500;
    private const CRON_SECONDS = 25.0;
    private const CRON_TIMEOUT = 15; // seconds
    private const VISIT_ROWS = 20;
    private const VISIT_SECONDS = 10.0;
    private const VISIT_TIMEOUT = 5;
    private const WAITED_FOR_TIMEOUT = 2;

    private static bool $hasNewEntry = false;

    public static function register(): void
    {
        add_filter('cron_schedules', [self::class, 'addInterval']);
        add_action(self::SEND, [self::class, 'sendByCron']);
        add_action(self::SEND_NOW, [self::class, 'sendByCron']);
        add_action('init', [self::class, 'start']);
        add_action('shutdown', [self::class, 'sendAtEnd'], 1000);
    }

    /** @param array<string, array<string, mixed>> $schedules */
    public static function addInterval($schedules): array
    {
        $schedules = (array) $schedules;
        $schedules[self::INTERVAL] = ['interval' => 300, 'display' => 'LeadHub: 5 min'];
        return $schedules;
    }

    public static function start(): void
    {
        if (!wp_next_scheduled(self::SEND)) {
            wp_schedule_event(time() + MINUTE_IN_SECONDS, self::INTERVAL, self::SEND);
        }
    }

    public static function stop(): void
    {
        wp_clear_scheduled_hook(self::SEND);
        wp_clear_scheduled_hook(self::SEND_NOW);
        delete_option(self::TIDIED_AT);
    }

    /** An entry was queued in this request. */
    public static function noteNewEntry(): void
    {
        self::$hasNewEntry = true;
        QueueState::noteDue(time());
    }

    public static function sendByCron(): void
    {
        QueueSender::run(self::CRON_ROWS, self::CRON_SECONDS, self::CRON_TIMEOUT);
        if ((int) get_option(self::TIDIED_AT, 0) < time() - HOUR_IN_SECONDS) {
            update_option(self::TIDIED_AT, time(), false);
            QueueSender::tidy();
        }
        if (QueueState::isDue() && !QueueState::isPaused()) {
            wp_schedule_single_event(time(), self::SEND_NOW);
        }
    }

    public static function sendAtEnd(): void
    {
        if (wp_doing_cron() || wp_installing() || !(self::$hasNewEntry || QueueState::isDue())) {
            return;
        }
        if (self::endAnswer()) {
            QueueSender::run(self::VISIT_ROWS, self::VISIT_SECONDS, self::VISIT_TIMEOUT);
        } elseif (defined('DISABLE_WP_CRON') && DISABLE_WP_CRON) {
            QueueSender::run(1, self::WAITED_FOR_TIMEOUT, self::WAITED_FOR_TIMEOUT);
        } elseif (!QueueState::isPaused()) {
            wp_schedule_single_event(time(), self::SEND_NOW);
            spawn_cron();
        }
    }

    /** Whether the visitor has the whole answer by now, so that nobody waits. */
    private static function endAnswer(): bool
    {
        if (PHP_SAPI === 'cli') {
            return true;
        }
        foreach (['fastcgi_finish_request', 'litespeed_finish_request'] as $finish) {
            if (function_exists($finish)) {
                return (bool) $finish();
            }
        }
        return false;
    }
}
