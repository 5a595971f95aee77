<?php

namespace LeadHub\WordPress;

defined('ABSPATH') || exit;

/** LeadHub's own forms on pages: the shortcode `leadhub_form` and a block, which both write the form's script. */
final class FormEmbed
{
    private const MODES = ['inline', 'iframe', 'popup'];
    private const EDITOR_SCRIPT = 'leadhub-block-editor';

    public static function register(): void
    {
        add_shortcode('leadhub_form', [self::class, 'shortcode']);
        add_action('init', [self::class, 'registerBlock']);
    }

    public static function registerBlock(): void
    {
        $scripts = ['wp-blocks', 'wp-element', 'wp-block-editor', 'wp-components'];
        $url = plugins_url('block/editor.js', LEADHUB_PLUGIN_FILE);
        wp_register_script(self::EDITOR_SCRIPT, $url, $scripts, Plugin::VERSION, true);
        wp_add_inline_script(
            self::EDITOR_SCRIPT,
            'window.leadhubBlock = ' . wp_json_encode(self::editorTexts()),
            'before'
        );
        register_block_type(dirname(LEADHUB_PLUGIN_FILE) . '/block', ['render_callback' => [self::class, 'block']]);
    }

    /** @param array<string, string>|string $attributes */
    public static function shortcode($attributes): string
    {
        $known = ['id' => '', 'mode' => 'inline', 'label' => '', 'height' => '', 'consent' => 'auto'];
        return self::html(shortcode_atts($known, (array) $attributes, 'leadhub_form'));
    }

    /** @param array<string, mixed> $attributes */
    public static function block(array $attributes): string
    {
        $values = [];
        foreach (['id' => 'formId', 'mode' => 'mode', 'label' => 'label'] as $name => $attribute) {
            $values[$name] = isset($attributes[$attribute]) ? (string) $attributes[$attribute] : '';
        }
        $html = self::html($values + ['height' => '', 'consent' => 'auto']);
        return $html === '' ? '' : '<div ' . get_block_wrapper_attributes() . '>' . $html . '</div>';
    }

    /** @param array<string, string> $values */
    private static function html(array $values): string
    {
        $id = trim((string) $values['id']);
        $url = Settings::url();
        if ($url === '' || !preg_match('/^[A-Za-z0-9_-]{4,64}$/D', $id)) {
            return self::hint();
        }
        $mode = in_array($values['mode'], self::MODES, true) ? $values['mode'] : 'inline';
        $label = $values['label'] !== '' ? $values['label'] : __('Write to us', 'leadhub');
        $address = $url . '/f/' . $id;
        $script = ['async' => true, 'src' => esc_url($address . '/embed.js'), 'data-mode' => $mode];
        if (in_array($values['consent'], ['granted', 'denied'], true)) {
            $script['data-consent'] = $values['consent'];
        }
        if ((int) $values['height'] > 0) {
            $script['data-height'] = (string) min(5000, (int) $values['height']);
        }
        $attribute = $mode === 'popup' ? ' data-leadhub-open="' . esc_attr($id) . '"' : '';
        $link = '<a href="' . esc_url($address) . '"' . $attribute . '>' . esc_html($label) . '</a>';
        // In its place: the script looks for the element that holds it. WordPress adds a nonce of the site's policy.
        $tag = trim(wp_get_script_tag($script));
        $open = '<div data-leadhub-form="' . esc_attr($id) . '">';
        return $mode === 'popup' ? $link . $tag : $open . $link . $tag . '</div>';
    }

    /** What somebody sees who can repair it; visitors see nothing. */
    private static function hint(): string
    {
        if (!current_user_can('edit_posts')) {
            return '';
        }
        $text = __('LeadHub: enter the address in the settings, and the form’s id here. Only you see this.', 'leadhub');
        return '<p><em>' . esc_html($text) . '</em></p>';
    }

    /** @return array<string, string> */
    private static function editorTexts(): array
    {
        return [
            'title' => __('LeadHub form', 'leadhub'),
            'id' => __('Id of the form', 'leadhub'),
            'idHelp' => __('The last part of the address of the form: …/f/Ab3dEf6hIj9kLm2n', 'leadhub'),
            'mode' => __('How it is shown', 'leadhub'),
            'inline' => __('In its place', 'leadhub'),
            'iframe' => __('In a frame', 'leadhub'),
            'popup' => __('In a window, after a click', 'leadhub'),
            'label' => __('Text of the link', 'leadhub'),
            'labelHelp' => __('It opens the window, and stands there for visitors without scripts.', 'leadhub'),
            'preview' => __('Visitors see the form here.', 'leadhub'),
        ];
    }
}
