<?php

/**
 * Plugin Name:       LeadHub
 * Plugin URI:        https://github.com/leadhub/leadhub
 * Description:       Puts LeadHub's forms on your pages, and sends entries of your other forms to LeadHub, each once.
 * Version:           0.1.0
 * Requires at least: 6.2
 * Requires PHP:      7.4
 * Author:            LeadHub
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       leadhub
 * Domain Path:       /languages
 *
 * @package LeadHub
 */

defined('ABSPATH') || exit;

define('LEADHUB_PLUGIN_FILE', __FILE__);

require_once __DIR__ . '/includes/autoload.php';

LeadHub\WordPress\Plugin::boot();
