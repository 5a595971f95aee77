"""Map the columns of a file to fields of a lead: guessed from the header, or as somebody says. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.integrations.reading.contact_labels import kind_by_label
from shared.integrations.reading.label_text import split_words, word_slug
from shared.platform.errors import FieldErrors

ColumnMapping = dict[str, str | None]

CUSTOM_PREFIX: Final = "custom_fields."
LEAD_TARGETS: Final = (
    *("first_name", "last_name", "full_name", "email", "phone", "company", "job_title", "country", "source", "status"),
    *("starred", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "notes", "tags", "custom_fields"),
)
SHARED_TARGETS: Final = frozenset(("tags", "notes"))  # several columns may lead there
GIVEN_EMAIL_COLUMN: Final = "email_as_given"  # of our own exports: an email that a lead has in place of a read one
MAX_COLUMNS = 300
MAX_KEY_LENGTH = 100  # characters of the key of a custom field
# Columns of our own exports and reports that say something about a lead, and are no field of it.
IGNORED_COLUMNS: Final = frozenset(
    "id lead_id lead_score score created_at updated_at possible_duplicate_of attribution row row_state reasons".split()
)

_OTHER_LABELS: Final = {
    "tags": "tags, tag, labels, label, keywords, etiquetas, etiqueta, etiquettes, Schlagwörter, Stichwörter, Tags, "
    "marcadores, وسوم, الوسوم, الوسم, تصنيفات",
    "source": "source, lead source, origin, channel, origen, fuente, origem, fonte, origine, provenance, Quelle, "
    "Herkunft, Leadquelle, المصدر, مصدر",
    "status": "status, lead status, estado, statut, Status, الحالة, حالة",
    "starred": "starred, favourite, favorite, star, مميز",
    "notes": "notes, note, comment, comments, description, notas, observaciones, observações, remarques, notizen, "
    "Bemerkungen, ملاحظات",
    "phone": "telefono movil, móvil, celular, tel, telephone number, mobile phone, portable, Handynummer, "
    "Mobilnummer, telemóvel, telefone, رقم الجوال, رقم الهاتف, الجوال, الهاتف, جوال, هاتف",
    "email": "e-mail address, mail, correo, correo electrónico, courriel, E-Mail-Adresse, endereço de email, "
    "البريد الإلكتروني, البريد, الايميل",
    "company": "organisation, organization, account, account name, firm, empresa, entreprise, société, Firma, "
    "Unternehmen, الشركة, المؤسسة",
    "country": "country code, country/region, land, pays, país, الدولة, البلد",
}


def name_columns(header: Sequence[str]) -> list[str]:
    """Return a name for each column that no other has. An empty one is `column 3`, a second `Email` is `Email (2)`."""
    names: list[str] = []
    for number, cell in enumerate(header, 1):
        name = wanted = " ".join(cell.split()) or f"column {number}"
        again = 2
        while name in names:
            name, again = f"{wanted} ({again})", again + 1
        names.append(name)
    return names


def guess_mapping(columns: Sequence[str]) -> ColumnMapping:
    """Return where each column goes. A column that no field has becomes a custom field, so that nothing is lost."""
    mapping: ColumnMapping = {}
    for column in columns:
        if column == GIVEN_EMAIL_COLUMN:
            mapping[column] = "email"
            continue
        target = _target_of(column)
        if target is not None and target in mapping.values() and target not in SHARED_TARGETS:
            target = f"{CUSTOM_PREFIX}{_custom_key(column, mapping)}"
        mapping[column] = target
    _settle_name(mapping)
    return mapping


def _settle_name(mapping: ColumnMapping) -> None:
    """Beside a last name, `Nombre` or `Name` is the first name; beside a first name, `Nom` is the last name."""
    for part, rest in (("last_name", "first_name"), ("first_name", "last_name")):
        targets = {target: column for column, target in mapping.items()}
        if "full_name" in targets and part in targets and rest not in targets:
            mapping[targets["full_name"]] = rest


def _target_of(column: str) -> str | None:
    name = column.strip().lower()
    if name.replace(" ", "_") in IGNORED_COLUMNS:
        return None
    if name in LEAD_TARGETS:
        return name
    if name.startswith(CUSTOM_PREFIX):
        return CUSTOM_PREFIX + column.strip()[len(CUSTOM_PREFIX) :]
    words = " ".join(split_words(column))
    found = _TARGETS_BY_LABEL.get(words) or kind_by_label(column)
    return found or f"{CUSTOM_PREFIX}{_custom_key(column, {})}"


def _custom_key(column: str, mapping: Mapping[str, str | None]) -> str:
    key = wanted = word_slug(column)[:MAX_KEY_LENGTH] or "column"
    again = 2
    while f"{CUSTOM_PREFIX}{key}" in mapping.values():
        key, again = f"{wanted}_{again}", again + 1
    return key


def mapping_errors(mapping: Mapping[str, str | None], columns: Iterable[str]) -> FieldErrors:
    """Return what is wrong with a mapping, by column: a column that the file lacks, a target that there is not."""
    known = set(columns)
    errors: FieldErrors = {}
    for column, target in mapping.items():
        if column not in known:
            errors[f"mapping.{column}"] = ["The file has no such column."]
        elif target is not None and not is_target(target):
            errors[f"mapping.{column}"] = [f"There is no field '{target[:100]}'."]
    if not errors and not any(mapping.values()):
        errors["mapping"] = ["No column leads to a field."]
    return errors


def is_target(target: str) -> bool:
    """Return whether a column may lead there."""
    key = target.removeprefix(CUSTOM_PREFIX)
    return target in LEAD_TARGETS or (target.startswith(CUSTOM_PREFIX) and 0 < len(key) <= MAX_KEY_LENGTH)


_TARGETS_BY_LABEL = {
    " ".join(split_words(label)): target for target, labels in _OTHER_LABELS.items() for label in labels.split(", ")
}
