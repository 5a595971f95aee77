<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** An entry of a form of any plugin. */
final class FormEntry
{
    /** The type of a field that the form does not list: a visitor may have made it up. It cannot be mapped. */
    public const UNLISTED = 'unlisted';
    private const MOST_FIELDS = 200;
    private const LONGEST_KEY = 100; // characters
    private const MOST_OMITTED = 50; // labels that are named

    /** The plugin's name in keys, such as `gravity`. */
    public string $plugin;
    public string $formId;
    public string $formTitle;
    /** Empty where the plugin stores no entries. */
    public string $entryId;
    /** The page of the form, where the plugin knows it. */
    public string $page;
    /** @var array<int, array{key: string, label: string, type: string, value: mixed}> */
    public array $fields = [];
    /** @var string[] labels of fields for which there was no room */
    public array $omitted = [];

    public function __construct(
        string $plugin,
        string $form_id,
        string $form_title,
        string $entry_id,
        string $page = ''
    ) {
        $this->plugin = $plugin;
        $this->formId = mb_substr($form_id, 0, 60);
        $this->formTitle = wp_strip_all_tags($form_title);
        $this->entryId = $entry_id === '0' ? '' : mb_substr($entry_id, 0, 60);
        $this->page = $page;
    }

    /** @param mixed $value a text, or a list of these */
    public function add(string $key, string $label, string $type, $value): void
    {
        if (count($this->fields) < self::MOST_FIELDS) {
            $key = mb_substr($key, 0, self::LONGEST_KEY);
            $this->fields[] = ['key' => $key, 'label' => $label, 'type' => $type, 'value' => $value];
        } elseif (count($this->omitted) < self::MOST_OMITTED) {
            $this->omitted[] = mb_substr($label !== '' ? $label : $key, 0, self::LONGEST_KEY);
        }
    }

    public function formKey(): string
    {
        return $this->plugin . ':' . $this->formId;
    }
}
