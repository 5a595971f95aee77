"""Lines of code that post a lead, in the languages that most visitors' sites are written in."""

from dataclasses import dataclass

KEY_PLACEHOLDER = "$KEY"

CURL = """\
curl -s "{url}" \\
  -H "Authorization: Bearer {key}" \\
  -d "email=grace@example.com" -d "first_name=Grace" -d "source=website\""""
PYTHON = """\
import json, urllib.request

lead = {{"email": "grace@example.com", "first_name": "Grace", "source": "website"}}
headers = {{"Authorization": "Bearer {key}", "Content-Type": "application/json"}}
request = urllib.request.Request("{url}", json.dumps(lead).encode(), headers)
print(urllib.request.urlopen(request).read().decode())"""
JAVASCRIPT = """\
const response = await fetch("{url}", {{
  method: "POST",
  headers: {{ Authorization: "Bearer {key}", "Content-Type": "application/json" }},
  body: JSON.stringify({{ email: "grace@example.com", first_name: "Grace", source: "website" }}),
}});
console.log(await response.json());"""
PHP = """\
$request = curl_init("{url}");
curl_setopt_array($request, [
    CURLOPT_HTTPHEADER => ["Authorization: Bearer {key}"],
    CURLOPT_POSTFIELDS => http_build_query(["email" => "grace@example.com", "first_name" => "Grace"]),
]);
curl_exec($request);"""
LANGUAGES = {"curl": ("curl", CURL), "python": ("Python", PYTHON), "javascript": ("JavaScript", JAVASCRIPT)} | {
    "php": ("PHP", PHP)
}


@dataclass(frozen=True)
class PostExample:
    """Code that posts a lead. The key stands between `before` and `after`."""

    code: str
    title: str
    before: str
    after: str


def post_examples(base_url: str, workspace_slug: str) -> list[PostExample]:
    """Return the examples for a workspace, whose address follows `base_url`."""
    url = f"{base_url.rstrip('/')}/api/inbound/leads?tenant={workspace_slug}"
    examples = []
    for code, (title, template) in LANGUAGES.items():
        before, _, after = template.format(url=url, key=KEY_PLACEHOLDER).partition(KEY_PLACEHOLDER)
        examples.append(PostExample(code, title, before, after))
    return examples
