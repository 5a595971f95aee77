<?php

/**
 * Removes what the plugin keeps, on each site of a network.
 *
 * @package LeadHub
 */

defined('WP_UNINSTALL_PLUGIN') || exit;

if (!defined('LEADHUB_PLUGIN_FILE')) {
    define('LEADHUB_PLUGIN_FILE', __DIR__ . '/leadhub.php');
}

require_once __DIR__ . '/includes/autoload.php';

LeadHub\WordPress\Plugin::uninstall();
