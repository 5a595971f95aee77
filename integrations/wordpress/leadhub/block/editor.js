/** The block in the editor: it asks for the form's id and shows where the form will stand. */
(() => {
  const { blocks, blockEditor, components, element } = window.wp;
  const texts = window.leadhubBlock;
  const create = element.createElement;

  function settings(attributes, setAttributes) {
    const modes = ["inline", "iframe", "popup"].map((value) => ({ value, label: texts[value] }));
    return [
      create(components.TextControl, {
        key: "id",
        label: texts.id,
        help: texts.idHelp,
        value: attributes.formId,
        onChange: (text) => setAttributes({ formId: text.trim().split("/").pop() }),
      }),
      create(components.SelectControl, {
        key: "mode",
        label: texts.mode,
        value: attributes.mode,
        options: modes,
        onChange: (mode) => setAttributes({ mode }),
      }),
      create(components.TextControl, {
        key: "label",
        label: texts.label,
        help: texts.labelHelp,
        value: attributes.label,
        onChange: (label) => setAttributes({ label }),
      }),
    ];
  }

  function Edit({ attributes, setAttributes }) {
    const instructions = attributes.formId ? texts.preview : texts.idHelp;
    const placeholder = create(
      components.Placeholder,
      { icon: "feedback", label: texts.title, instructions },
      create("div", { style: { width: "100%" } }, settings(attributes, setAttributes)),
    );
    return create("div", blockEditor.useBlockProps(), placeholder);
  }

  blocks.registerBlockType("leadhub/form", { edit: Edit, save: () => null });
})();
