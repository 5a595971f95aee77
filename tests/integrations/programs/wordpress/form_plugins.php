<?php

/**
 * As much of the form plugins as the actions' arguments need: the methods of their classes that ours calls.
 *
 * tests/corpora/wordpress/ says which versions of the plugins these were read in.
 */

/** The forms that the plugins list: those of the recordings. */
class RecordedForms
{
    public static array $stored = [];

    public static function of(string $action, int $argument): array
    {
        $found = array_filter(self::$stored, static fn ($recording) => $recording['action'] === $action);
        return array_map(static fn ($recording) => $recording['arguments'][$argument], array_values($found));
    }
}

class GFAPI
{
    public static function get_forms($active = true, $trash = false)
    {
        return array_map('recorded_argument', RecordedForms::of('gform_after_submission', 1));
    }
}

class WPCF7_ContactForm
{
    private array $data;

    public function __construct(array $data)
    {
        $this->data = $data;
    }

    public function id()
    {
        return $this->data['id'];
    }

    public function title()
    {
        return $this->data['title'];
    }

    public function scan_form_tags($condition = null)
    {
        return array_map(static fn ($tag) => (object) $tag, $this->data['tags']);
    }

    public static function find($arguments = '')
    {
        return array_map(static fn ($form) => new self($form), RecordedForms::of('wpcf7_submit', 0));
    }
}

class WPCF7_Submission
{
    public static ?array $stored = null;

    public static function get_instance($contact_form = null, $arguments = '')
    {
        return self::$stored === null ? null : new self();
    }

    public function get_meta($name)
    {
        return self::$stored['meta'][$name] ?? null;
    }

    public function get_posted_data($name = '')
    {
        return self::$stored['posted_data'];
    }
}

class Form_Record
{
    protected $fields;
    protected $form_settings;

    public function __construct(array $data)
    {
        $this->fields = $data['fields'];
        $this->form_settings = $data['form_settings'];
    }

    public function get($property)
    {
        return $this->{$property} ?? null;
    }

    public function get_form_settings($setting)
    {
        return $this->form_settings[$setting] ?? null;
    }
}

class Ajax_Handler
{
    public function __construct(array $data)
    {
    }
}

class FrmEntry
{
    public static ?array $stored = null;

    public static function getOne($id, $meta = false)
    {
        return self::$stored === null ? null : (object) self::$stored;
    }
}

class FrmField
{
    public static array $stored = [];

    public static function get_all_for_form($form_id, $limit = '', $embedded = 'exclude', $repeated = 'include')
    {
        return array_map(static fn ($field) => (object) $field, self::$stored);
    }
}

/** An argument of a recorded action: arrays, and the objects that the recording marks. */
function recorded_argument($value)
{
    if (!is_array($value)) {
        return $value;
    }
    if (isset($value['$class'])) {
        return new $value['$class']($value);
    }
    $plain = array_map('recorded_argument', array_diff_key($value, ['$object' => 0]));
    return isset($value['$object']) ? (object) $plain : $plain;
}

/** Fire a recorded action, as the plugin does after a visitor sent a form. */
function fire_recording(array $recording): void
{
    WPCF7_Submission::$stored = $recording['submission'] ?? null;
    FrmEntry::$stored = $recording['stored']['entry'] ?? null;
    FrmField::$stored = $recording['stored']['fields'] ?? [];
    $_POST = array_map('wp_slash', $recording['posted'] ?? []);
    do_action($recording['action'], ...array_map('recorded_argument', $recording['arguments']));
    $_POST = [];
}
