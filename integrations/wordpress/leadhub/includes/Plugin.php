<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** Hooks the plugin's parts into WordPress, and removes what they keep. */
final class Plugin
{
    public const VERSION = '0.1.0';
    public const CAPABILITY = 'manage_options';

    public static function boot(): void
    {
        register_activation_hook(LEADHUB_PLUGIN_FILE, [self::class, 'activate']);
        register_deactivation_hook(LEADHUB_PLUGIN_FILE, [self::class, 'deactivate']);
        add_action('init', [self::class, 'loadTexts'], 0);
        add_filter('wpmu_drop_tables', [self::class, 'namedTables'], 10, 2);
        FormPlugins\FormPlugins::listen();
        FormEmbed::register();
        Schedule::register();
        Visit::register();
        PersonalData::register();
        if (is_admin()) {
            Admin\SettingsPage::register();
            Admin\Actions::register();
        }
    }

    /** A site of a network may never see this: its table is made when it is used first. */
    public static function activate(): void
    {
        Settings::make();
        QueueTable::install();
        Schedule::start();
    }

    public static function deactivate(bool $network_wide = false): void
    {
        foreach ($network_wide ? self::siteIds() : [get_current_blog_id()] as $site_id) {
            self::onSite($site_id, [Schedule::class, 'stop']);
        }
    }

    /** Remove all that the plugin keeps, on each site. */
    public static function uninstall(): void
    {
        foreach (self::siteIds() as $site_id) {
            self::onSite($site_id, [self::class, 'uninstallSite']);
        }
    }

    public static function uninstallSite(): void
    {
        Schedule::stop();
        QueueTable::drop();
        Settings::remove();
        FormRegistry::remove();
        QueueState::remove();
        Admin\Notices::remove();
    }

    public static function loadTexts(): void
    {
        load_plugin_textdomain('leadhub', false, dirname(plugin_basename(LEADHUB_PLUGIN_FILE)) . '/languages');
    }

    /**
     * A site that is deleted takes its queue with it.
     *
     * @param string[] $tables
     * @param int      $site_id
     * @return string[]
     */
    public static function namedTables($tables, $site_id): array
    {
        global $wpdb;
        $tables = (array) $tables;
        $tables['leadhub_queue'] = $wpdb->get_blog_prefix($site_id) . 'leadhub_queue';
        return $tables;
    }

    /** @return int[] */
    private static function siteIds(): array
    {
        return is_multisite() ? get_sites(['fields' => 'ids', 'number' => 0]) : [get_current_blog_id()];
    }

    private static function onSite(int $site_id, callable $act): void
    {
        if (!is_multisite()) {
            $act();
            return;
        }
        switch_to_blog($site_id);
        $act();
        restore_current_blog();
    }
}
