<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\FormRegistry;
use LeadHub\WordPress\QueueState;
use LeadHub\WordPress\QueueTable;

defined('ABSPATH') || exit;

/** What is on its way to LeadHub, why it is not there yet, and what to do. */
final class QueueTab
{
    private const SHOWN_ROWS = 50;

    public static function render(): void
    {
        $counts = QueueTable::counts();
        $state = QueueState::read();
        self::renderCounts($counts, $state);
        self::renderState($state);
        self::renderButtons($counts, $state);
        $rows = QueueTable::newestUnsent(self::SHOWN_ROWS);
        if ($rows !== []) {
            self::renderRows($rows);
        }
    }

    /**
     * @param array<string, int>        $counts
     * @param array<string, int|string> $state
     */
    private static function renderCounts(array $counts, array $state): void
    {
        $figures = [
            [__('waiting', 'leadhub'), $counts[QueueTable::WAITING], ''],
            [__('sent recently', 'leadhub'), $counts[QueueTable::SENT], ''],
            [__('refused', 'leadhub'), $counts[QueueTable::REFUSED], 'is-bad'],
            [__('given up', 'leadhub'), $counts[QueueTable::GIVEN_UP], 'is-bad'],
            [__('removed unsent', 'leadhub'), (int) $state['removed'], 'is-bad'],
            [__('not taken into the queue', 'leadhub'), (int) $state['not_queued'], 'is-bad'],
            [__('shortened', 'leadhub'), (int) $state['shortened'], 'is-bad'],
        ];
        echo '<ul class="leadhub-figures">';
        foreach ($figures as [$label, $number, $class]) {
            if ($number > 0 || $class === '') {
                echo '<li class="' . esc_attr($class) . '"><strong>' . esc_html(number_format_i18n($number))
                    . '</strong> ' . esc_html($label) . '</li>';
            }
        }
        echo '</ul>';
    }

    /** @param array<string, int|string> $state */
    private static function renderState(array $state): void
    {
        if ((int) $state['last_success_at'] > 0) {
            $when = self::time((int) $state['last_success_at']);
            /* translators: %s: date and time */
            echo '<p>' . esc_html(sprintf(__('LeadHub last took an entry on %s.', 'leadhub'), $when)) . '</p>';
        }
        if ((string) $state['last_error'] !== '') {
            $when = self::time((int) $state['last_error_at']);
            /* translators: %s: date and time */
            echo '<p>' . esc_html(sprintf(__('Last error, on %s:', 'leadhub'), $when)) . '</p>'
                . '<p class="leadhub-error" dir="auto">' . esc_html((string) $state['last_error']) . '</p>';
        }
        if ((int) $state['paused_until'] > time()) {
            $when = self::time((int) $state['paused_until']);
            /* translators: %s: date and time */
            echo '<p>' . esc_html(sprintf(__('The next attempt is on %s.', 'leadhub'), $when)) . '</p>';
        }
    }

    /**
     * @param array<string, int>        $counts
     * @param array<string, int|string> $state
     */
    private static function renderButtons(array $counts, array $state): void
    {
        $unsent = $counts[QueueTable::REFUSED] + $counts[QueueTable::GIVEN_UP];
        SettingsPage::openForm(Actions::ACT_ON_QUEUE);
        echo '<p class="leadhub-buttons">';
        submit_button(__('Send now', 'leadhub'), 'primary', 'send_now', false);
        if ($unsent > 0) {
            submit_button(__('Try the refused and given up again', 'leadhub'), 'secondary', 'send_again', false);
            submit_button(__('Delete the refused and given up', 'leadhub'), 'delete', 'delete_unsent', false);
        }
        if ((int) $state['removed'] + (int) $state['not_queued'] + (int) $state['shortened'] > 0) {
            submit_button(__('I have seen the numbers', 'leadhub'), 'secondary', 'forget_counts', false);
        }
        echo '</p></form>';
    }

    /** @param object[] $rows */
    private static function renderRows(array $rows): void
    {
        $names = [
            QueueTable::WAITING => __('waiting', 'leadhub'),
            QueueTable::REFUSED => __('refused', 'leadhub'),
            QueueTable::GIVEN_UP => __('given up', 'leadhub'),
        ];
        $titles = [__('Form', 'leadhub'), __('Since', 'leadhub'), __('State', 'leadhub'), __('Last error', 'leadhub')];
        echo '<table class="widefat striped leadhub-table"><thead><tr>';
        foreach ($titles as $title) {
            echo '<th scope="col">' . esc_html($title) . '</th>';
        }
        echo '</tr></thead><tbody>';
        foreach ($rows as $row) {
            $title = (string) (FormRegistry::find($row->form_key)['title'] ?? '');
            echo '<tr><td><bdi>' . esc_html($title !== '' ? $title : $row->form_key) . '</bdi></td><td>'
                . esc_html(self::time((int) $row->created_at)) . '</td><td>' . esc_html($names[$row->state])
                . '</td><td>' . ($row->last_error === '' ? '' : '<bdi>' . esc_html($row->last_error) . '</bdi>')
                . '</td></tr>';
        }
        echo '</tbody></table>';
    }

    private static function time(int $time): string
    {
        return (string) wp_date(get_option('date_format') . ' ' . get_option('time_format'), $time);
    }
}
