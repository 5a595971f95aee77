<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\EntryIntake;
use LeadHub\WordPress\FormEntry;
use LeadHub\WordPress\FormRegistry;

defined('ABSPATH') || exit;

/** The plugins whose entries go to LeadHub. The action of one that is not installed is never fired. */
final class FormPlugins
{
    /** By the names in form keys. */
    public const ALL = [
        'cf7' => ContactForm7::class,
        'gravity' => GravityForms::class,
        'wpforms' => WPForms::class,
        'elementor' => ElementorForms::class,
        'fluent' => FluentForms::class,
        'ninja' => NinjaForms::class,
        'formidable' => FormidableForms::class,
    ];

    public static function listen(): void
    {
        foreach (self::ALL as $plugin) {
            [$action, $arguments, $priority] = $plugin::ACTION;
            add_action(
                $action,
                static function (...$sent) use ($plugin): void {
                    self::receive($plugin, $sent);
                },
                $priority,
                $arguments
            );
        }
    }

    /** Note the forms of the plugins that can list theirs, so that they can be mapped before the first entry. */
    public static function noteForms(): void
    {
        foreach (self::ALL as $plugin) {
            try {
                foreach ($plugin::listForms() as $form) {
                    FormRegistry::note($form);
                }
            } catch (\Throwable $error) {
                continue; // another version of the plugin than we know: its forms appear with their first entry
            }
        }
    }

    public static function title(string $form_key): string
    {
        $plugin = self::ALL[strtok($form_key, ':')] ?? null;
        return $plugin === null ? $form_key : $plugin::TITLE;
    }

    /**
     * @param class-string      $plugin
     * @param array<int, mixed> $sent
     */
    private static function receive(string $plugin, array $sent): void
    {
        try {
            $entry = $plugin::read(...$sent);
        } catch (\Throwable $error) { // an argument of another shape must not break the site's form
            EntryIntake::noteUnreadable($plugin::TITLE, $error);
            return;
        }
        if ($entry instanceof FormEntry) {
            EntryIntake::receive($entry);
        }
    }

    /**
     * A member of an object or an array.
     *
     * @param mixed $holder
     * @param mixed $otherwise
     * @return mixed
     */
    public static function member($holder, string $name, $otherwise = '')
    {
        if (is_array($holder)) {
            return $holder[$name] ?? $otherwise;
        }
        return is_object($holder) && isset($holder->$name) ? $holder->$name : $otherwise;
    }
}
