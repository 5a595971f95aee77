<?php

/**
 * Loads a class of the plugin from the file of its name.
 *
 * @package LeadHub
 */

defined('ABSPATH') || exit;

spl_autoload_register(
    static function (string $class_name): void {
        $prefix = 'LeadHub\\WordPress\\';
        if (strpos($class_name, $prefix) !== 0) {
            return;
        }
        $file = __DIR__ . '/' . str_replace('\\', '/', substr($class_name, strlen($prefix))) . '.php';
        if (is_readable($file)) {
            require_once $file;
        }
    }
);
