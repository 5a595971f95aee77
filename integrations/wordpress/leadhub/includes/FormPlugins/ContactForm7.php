<?php

namespace LeadHub\WordPress\FormPlugins;

use LeadHub\WordPress\FormEntry;

defined('ABSPATH') || exit;

/**
 * Contact Form 7. `wpcf7_submit` also tells of entries whose mail could not be sent: these must not be lost.
 *
 * It stores no entries: its own hash of the posted data identifies one for half an hour.
 */
final class ContactForm7
{
    public const TITLE = 'Contact Form 7';
    public const ACTION = ['wpcf7_submit', 2, 20];
    private const COMPLETE = ['mail_sent', 'mail_failed'];
    private const NO_NAMES = '/captcha|turnstile|honeypot|nonce|token/i';
    private const NO_FIELDS = ['submit', 'captchac', 'captchar', 'quiz', 'file', 'hidden-captcha'];

    /**
     * @param object               $form   WPCF7_ContactForm
     * @param array<string, mixed> $result
     */
    public static function read($form, $result): ?FormEntry
    {
        $submission = class_exists('WPCF7_Submission') ? \WPCF7_Submission::get_instance() : null;
        if (!$submission || !in_array($result['status'] ?? '', self::COMPLETE, true) || !empty($result['demo_mode'])) {
            return null;
        }
        if ($submission->get_meta('do_not_store')) {
            return null; // the form, or the visitor, says that nothing is to be stored
        }
        $hash = (string) ($result['posted_data_hash'] ?? '');
        $page = (string) $submission->get_meta('url');
        $entry = new FormEntry('cf7', (string) $form->id(), (string) $form->title(), $hash, $page);
        $posted = (array) $submission->get_posted_data();
        foreach (self::tags($form) as $name => $type) {
            $entry->add($name, self::label($name), $type, $posted[$name] ?? '');
            unset($posted[$name]);
        }
        foreach ($posted as $name => $value) { // of add-ons that have no tag
            if (!preg_match(self::NO_NAMES, (string) $name)) {
                $entry->add((string) $name, self::label((string) $name), FormEntry::UNLISTED, $value);
            }
        }
        return $entry;
    }

    /** @return FormEntry[] */
    public static function listForms(): array
    {
        if (!class_exists('WPCF7_ContactForm')) {
            return [];
        }
        $forms = [];
        foreach (\WPCF7_ContactForm::find(['posts_per_page' => 100]) as $form) {
            $entry = new FormEntry('cf7', (string) $form->id(), (string) $form->title(), '');
            foreach (self::tags($form) as $name => $type) {
                $entry->add($name, self::label($name), $type, '');
            }
            $forms[] = $entry;
        }
        return $forms;
    }

    /**
     * @param object $form
     * @return array<string, string> types by name
     */
    private static function tags($form): array
    {
        $types = [];
        foreach ($form->scan_form_tags() as $tag) {
            $type = (string) FormPlugins::member($tag, 'basetype');
            $name = (string) FormPlugins::member($tag, 'name');
            if ($name !== '' && !in_array($type, self::NO_FIELDS, true)) {
                $types[$name] = $type;
            }
        }
        return $types;
    }

    /** Labels are free HTML around the field; the name tells more: `your-name`. */
    private static function label(string $name): string
    {
        return ucfirst(trim(str_replace(['-', '_'], ' ', (string) preg_replace('/^your[-_]/', '', $name))));
    }
}
