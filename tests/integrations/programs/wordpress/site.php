<?php

/**
 * Acts within a WordPress: `php site.php SCENARIO`, with its settings as JSON in SETTINGS. Prints one line of JSON.
 */

define('WP_USE_THEMES', false);
$settings = json_decode((string) getenv('SETTINGS'), true);
$scenario = $argv[1];
if ($scenario === 'install') {
    define('WP_INSTALLING', true);
}
$_SERVER['HTTP_HOST'] = parse_url($settings['url'], PHP_URL_HOST) . ':' . parse_url($settings['url'], PHP_URL_PORT);
$_SERVER['REQUEST_METHOD'] = 'GET';
require $settings['core'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once __DIR__ . '/form_plugins.php';

/** What of the plugin is in the database and in the schedule. */
function left_of_plugin(): array
{
    global $wpdb;
    $found = [];
    foreach ($wpdb->get_col('SHOW TABLES') as $table) {
        if (strpos($table, 'leadhub') !== false) {
            $found[] = $table;
        }
    }
    $options = $wpdb->get_col("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE '%leadhub%'");
    $users = $wpdb->get_col("SELECT meta_key FROM {$wpdb->usermeta} WHERE meta_key LIKE '%leadhub%'");
    $hooks = array_filter(array_keys(array_merge(...array_values(array_filter(_get_cron_array(), 'is_array')))), static fn ($hook) => strpos($hook, 'leadhub') === 0);
    return array_merge($found, $options, $users, array_values($hooks));
}

$scenarios = [
    'install' => static function (array $settings): array {
        wp_install('A shop', 'operator', 'operator@shop.example', true, '', 'pass-word-1', $settings['language'] ?? '');
        update_option('siteurl', $settings['url']);
        update_option('home', $settings['url']);
        return ['version' => get_bloginfo('version')];
    },
    'activate' => static function (array $settings): array {
        $problem = activate_plugin('leadhub/leadhub.php');
        return ['problem' => is_wp_error($problem) ? $problem->get_error_message() : ''];
    },
    'connect' => static function (array $settings): array {
        LeadHub\WordPress\Settings::saveConnection($settings['leadhub'], $settings['key']);
        return [];
    },
    'fire' => static function (array $settings): array {
        foreach ($settings['recordings'] as $recording) {
            fire_recording($recording);
        }
        return LeadHub\WordPress\QueueTable::counts();
    },
    'forms' => static fn (array $settings): array => LeadHub\WordPress\FormRegistry::all(),
    'map' => static function (array $settings): array {
        LeadHub\WordPress\FormRegistry::save($settings['form'], $settings['enabled'], $settings['mapping'], 'mapped');
        return [];
    },
    'cron' => static function (array $settings): array {
        do_action('leadhub_send_queue');
        return state_of_queue();
    },
    'age' => static function (array $settings): array {
        global $wpdb;
        $table = LeadHub\WordPress\QueueTable::name();
        $wpdb->query($wpdb->prepare("UPDATE $table SET created_at = created_at - %d", $settings['seconds']));
        $wpdb->query($wpdb->prepare("UPDATE $table SET changed_at = changed_at - %d", $settings['seconds']));
        LeadHub\WordPress\QueueSender::tidy();
        return state_of_queue();
    },
    'state' => static fn (array $settings): array => state_of_queue(),
    'page' => static function (array $settings): array {
        $page = ['post_type' => 'page', 'post_status' => 'publish', 'post_title' => 'Write to us'];
        return ['url' => get_permalink(wp_insert_post($page + ['post_content' => $settings['content']]))];
    },
    'option' => static function (array $settings): array {
        global $wpdb;
        $sql = $wpdb->prepare("SELECT autoload FROM {$wpdb->options} WHERE option_name = %s", $settings['name']);
        return ['autoload' => $wpdb->get_var($sql)];
    },
    'language' => static function (array $settings): array {
        update_option('WPLANG', $settings['language']);
        return [];
    },
    'uninstall' => static function (array $settings): array {
        deactivate_plugins(['leadhub/leadhub.php']);
        $before = left_of_plugin();
        uninstall_plugin('leadhub/leadhub.php');
        return ['before' => $before, 'after' => left_of_plugin()];
    },
];

function state_of_queue(): array
{
    $rows = LeadHub\WordPress\QueueTable::newestUnsent(10);
    return [
        'counts' => LeadHub\WordPress\QueueTable::counts(),
        'errors' => array_column($rows, 'last_error'),
        'state' => LeadHub\WordPress\QueueState::read(),
        'is_due' => LeadHub\WordPress\QueueState::isDue(),
    ];
}

echo "\n" . json_encode((object) $scenarios[$scenario]($settings)) . "\n";
