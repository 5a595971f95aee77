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
$_SERVER['REQUEST_URI'] = $settings['path'] ?? '/';
require $settings['core'] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once __DIR__ . '/form_plugins.php';

/** What of the plugin is in the database and in the schedule, on each site of a network. */
function left_of_plugin(): array
{
    global $wpdb;
    $found = $wpdb->get_col("SELECT meta_key FROM {$wpdb->usermeta} WHERE meta_key LIKE '%leadhub%'");
    foreach (is_multisite() ? get_sites(['fields' => 'ids']) : [0] as $site_id) {
        $site_id && switch_to_blog($site_id);
        $sql = "SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE '%leadhub%'";
        array_push($found, ...$wpdb->get_col($sql));
        foreach (_get_cron_array() as $hooks) {
            $names = array_keys((array) $hooks);
            array_push($found, ...array_values(preg_grep('/^leadhub/', array_map('strval', $names))));
        }
        $site_id && restore_current_blog();
    }
    $tables = preg_grep('/leadhub/', $wpdb->get_col('SHOW TABLES'));
    return array_merge($found, array_values($tables));
}

$scenarios = [
    'install' => static function (array $settings): array {
        wp_install('A shop', 'operator', 'operator@shop.example', true, '', 'pass-word-1', $settings['language'] ?? '');
        update_option('siteurl', $settings['url']);
        update_option('home', $settings['url']);
        return ['version' => get_bloginfo('version')];
    },
    'activate' => static function (array $settings): array {
        $problem = activate_plugin('leadhub/leadhub.php', '', is_multisite());
        return ['problem' => is_wp_error($problem) ? $problem->get_error_message() : ''];
    },
    'network' => static function (array $settings): array {
        global $wpdb;
        foreach ($wpdb->tables('ms_global') as $table => $prefixed) {
            $wpdb->$table = $prefixed;
        }
        install_network();
        populate_network(1, $_SERVER['HTTP_HOST'], 'operator@shop.example', 'Shops', '/', false);
        return [];
    },
    'site' => static function (array $settings): array {
        return ['id' => wpmu_create_blog($_SERVER['HTTP_HOST'], $settings['name'], 'A second shop', 1)];
    },
    'connect' => static function (array $settings): array {
        LeadHub\WordPress\Settings::saveConnection($settings['leadhub'], $settings['key']);
        return [];
    },
    'list' => static function (array $settings): array {
        RecordedForms::$stored = $settings['recordings'];
        LeadHub\WordPress\FormPlugins\FormPlugins::noteForms();
        return LeadHub\WordPress\FormRegistry::all();
    },
    'remember' => static function (array $settings): array {
        LeadHub\WordPress\Settings::savePreferences(['forward_new_forms' => '1', 'remember_visit' => '1']);
        return [];
    },
    'fire' => static function (array $settings): array {
        foreach ($settings['cookies'] ?? [] as $name => $value) {
            $_COOKIE[$name] = wp_slash(rawurldecode($value)); // as WordPress has them
        }
        foreach ($settings['recordings'] as $recording) {
            fire_recording($recording);
        }
        return LeadHub\WordPress\QueueTable::counts();
    },
    'forms' => static fn (array $settings): array => LeadHub\WordPress\FormRegistry::all(),
    'map' => static function (array $settings): array {
        $number = $settings['form_number'] ?? 0;
        $form = $settings['form'];
        LeadHub\WordPress\FormRegistry::save($form, $settings['enabled'], $settings['mapping'], 'mapped', $number);
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
    'person' => static function (array $settings): array {
        $exported = LeadHub\WordPress\PersonalData::export($settings['email']);
        $erased = LeadHub\WordPress\PersonalData::erase($settings['email']);
        $left = LeadHub\WordPress\PersonalData::export($settings['email']);
        return ['exported' => count($exported['data']), 'erased' => $erased, 'left' => count($left['data'])];
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
        update_option('tests_language', $settings['language']);
        return [];
    },
    'uninstall' => static function (array $settings): array {
        deactivate_plugins(['leadhub/leadhub.php'], false, is_multisite());
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
