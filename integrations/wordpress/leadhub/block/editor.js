/** The block in the editor: it asks for the form's id and shows where the form will stand. */
(() => {
  const { blocks, blockEditor, components, element } = window.wp;
  const texts = window.leadhubBlock;
  const create = element.createElement;
  const options = ["inline", "iframe", "popup"].map((value) => ({ value, label: texts[value] }));
  const idOf = (text) => text.trim().split("/").pop();

  /** The three settings, each with its control. */
  function settings(attributes, setAttributes) {
    const { TextControl, SelectControl } = components;
    const { formId, mode, label } = attributes;
    const change = (name) => (value) => setAttributes({ [name]: name === "formId" ? idOf(value) : value });
    const id = { label: texts.id, help: texts.idHelp, value: formId, onChange: change("formId") };
    const link = { label: texts.label, help: texts.labelHelp, value: label, onChange: change("label") };
    return [
      create(TextControl, { key: "id", ...id }),
      create(SelectControl, { key: "mode", label: texts.mode, value: mode, options, onChange: change("mode") }),
      create(TextControl, { key: "label", ...link }),
    ];
  }

  function Edit({ attributes, setAttributes }) {
    const instructions = attributes.formId ? texts.preview : texts.idHelp;
    const controls = create("div", { style: { width: "100%" } }, settings(attributes, setAttributes));
    const look = { icon: "feedback", label: texts.title, instructions };
    return create("div", blockEditor.useBlockProps(), create(components.Placeholder, look, controls));
  }

  blocks.registerBlockType("leadhub/form", { edit: Edit, save: () => null });
})();
