<?php

namespace LeadHub\WordPress\Admin;

use LeadHub\WordPress\Plugin;
use LeadHub\WordPress\QueueState;
use LeadHub\WordPress\QueueTable;

defined('ABSPATH') || exit;

/** The page "Settings → LeadHub" with its three tabs. */
final class SettingsPage
{
    public const SLUG = 'leadhub';

    public static function register(): void
    {
        add_action('admin_menu', [self::class, 'addToMenu']);
        add_action('admin_enqueue_scripts', [self::class, 'enqueue']);
        add_action('admin_notices', [Notices::class, 'showLosses']);
        add_action('admin_notices', [Notices::class, 'showRefusedKey']);
        add_filter('plugin_action_links_' . plugin_basename(LEADHUB_PLUGIN_FILE), [self::class, 'addLink']);
    }

    public static function url(string $tab = 'connection', string $form_key = ''): string
    {
        $query = ['page' => self::SLUG, 'tab' => $tab] + ($form_key === '' ? [] : ['form' => rawurlencode($form_key)]);
        return add_query_arg($query, admin_url('options-general.php'));
    }

    public static function addToMenu(): void
    {
        if (!current_user_can(Plugin::CAPABILITY)) {
            return;
        }
        $counts = QueueTable::counts();
        $unsent = $counts[QueueTable::REFUSED] + $counts[QueueTable::GIVEN_UP];
        if ((int) QueueState::read()['is_key_refused']) {
            $unsent += max(1, $counts[QueueTable::WAITING]);
        }
        $bubble = $unsent ? ' <span class="awaiting-mod">' . esc_html(number_format_i18n($unsent)) . '</span>' : '';
        add_options_page('LeadHub', 'LeadHub' . $bubble, Plugin::CAPABILITY, self::SLUG, [self::class, 'render']);
    }

    public static function enqueue(string $hook): void
    {
        if ($hook === 'settings_page_' . self::SLUG) {
            $url = plugins_url('assets/admin.css', LEADHUB_PLUGIN_FILE);
            wp_enqueue_style('leadhub-admin', $url, [], Plugin::VERSION);
        }
    }

    /** @param string[] $links */
    public static function addLink($links): array
    {
        $link = '<a href="' . esc_url(self::url()) . '">' . esc_html__('Settings', 'leadhub') . '</a>';
        return array_merge([$link], (array) $links);
    }

    public static function render(): void
    {
        if (!current_user_can(Plugin::CAPABILITY)) {
            wp_die(esc_html__('You may not see this page.', 'leadhub'), '', ['response' => 403]);
        }
        $tab = isset($_GET['tab']) ? sanitize_key(wp_unslash($_GET['tab'])) : 'connection';
        echo '<div class="wrap leadhub"><h1>LeadHub</h1>';
        self::renderTabs($tab);
        Notices::showKept();
        if ($tab === 'forms') {
            FormsTab::render();
        } elseif ($tab === 'queue') {
            QueueTab::render();
        } else {
            ConnectionTab::render();
        }
        echo '</div>';
    }

    /** The head of a form that posts to an action of ours. */
    public static function openForm(string $action): void
    {
        echo '<form method="post" action="' . esc_url(admin_url('admin-post.php')) . '">';
        echo '<input type="hidden" name="action" value="' . esc_attr($action) . '">';
        wp_nonce_field($action);
    }

    private static function renderTabs(string $current): void
    {
        $counts = QueueTable::counts();
        $unsent = $counts[QueueTable::WAITING] + $counts[QueueTable::REFUSED] + $counts[QueueTable::GIVEN_UP];
        $tabs = [
            'connection' => __('Connection', 'leadhub'),
            'forms' => __('Forms', 'leadhub'),
            /* translators: %s: a number */
            'queue' => sprintf(__('Not sent yet (%s)', 'leadhub'), number_format_i18n($unsent)),
        ];
        echo '<nav class="nav-tab-wrapper">';
        foreach ($tabs as $tab => $title) {
            $class = $tab === $current ? 'nav-tab nav-tab-active' : 'nav-tab';
            echo '<a class="' . esc_attr($class) . '"' . ($tab === $current ? ' aria-current="page"' : '') . ' href="'
                . esc_url(self::url($tab)) . '">' . esc_html($title) . '</a>';
        }
        echo '</nav>';
    }
}
