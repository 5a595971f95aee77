<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\Plugin;
use LeadHub\WordPress\QueueState;

defined('ABSPATH') || exit;

/** What became of a press of a button, shown once to whoever pressed it; and what must not go unseen. */
final class Notices
{
    private const KEPT = 'leadhub_notice'; // of a user

    /** @param 'success'|'error'|'warning' $kind */
    public static function keep(string $kind, string $text): void
    {
        update_user_meta(get_current_user_id(), self::KEPT, ['kind' => $kind, 'text' => mb_substr($text, 0, 1000)]);
    }

    public static function remove(): void
    {
        delete_metadata('user', 0, self::KEPT, '', true);
    }

    public static function showKept(): void
    {
        $notice = get_user_meta(get_current_user_id(), self::KEPT, true);
        if (is_array($notice) && isset($notice['kind'], $notice['text'])) {
            delete_user_meta(get_current_user_id(), self::KEPT);
            self::show((string) $notice['kind'], esc_html((string) $notice['text']));
        }
    }

    /** On each page of the administration: no entry arrives until the key is replaced. */
    public static function showRefusedKey(): void
    {
        if (current_user_can(Plugin::CAPABILITY) && (int) QueueState::read()['is_key_refused']) {
            $text = __('LeadHub refuses the API key. Entries wait until you enter one that it takes.', 'leadhub');
            $link = '<a href="' . esc_url(SettingsPage::url()) . '">' . esc_html__('Settings', 'leadhub') . '</a>';
            self::show('error', esc_html($text) . ' ' . $link);
        }
    }

    /** On the dashboard: entries that LeadHub never got are said until somebody says that they were seen. */
    public static function showLosses(): void
    {
        $screen = get_current_screen();
        if (!$screen || $screen->id !== 'dashboard' || !current_user_can(Plugin::CAPABILITY)) {
            return;
        }
        $state = QueueState::read();
        $number = (int) $state['removed'] + (int) $state['not_queued'];
        if ($number > 0) {
            /* translators: %s: a number */
            $text = _n('LeadHub never got %s entry.', 'LeadHub never got %s entries.', $number, 'leadhub');
            $url = SettingsPage::url('queue');
            $link = '<a href="' . esc_url($url) . '">' . esc_html__('See why', 'leadhub') . '</a>';
            self::show('error', esc_html(sprintf($text, number_format_i18n($number))) . ' ' . $link);
        }
    }

    /** @param string $html with its texts escaped */
    public static function show(string $kind, string $html): void
    {
        $kind = in_array($kind, ['success', 'error', 'warning', 'info'], true) ? $kind : 'info';
        echo '<div class="notice notice-' . esc_attr($kind) . '"><p>' . wp_kses_post($html) . '</p></div>';
    }
}
