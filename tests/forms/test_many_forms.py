"""Several forms and scripts on one page, wherever they stand, also on sites with Trusted Types."""

from playwright.async_api import Browser, expect

from tests.support.console import needs_chromium
from tests.support.form_sites import (
    STEPPED_FIELDS,
    FormSite,
    embed_snippet,
    form_visit,
    make_public_form,
    new_email,
    submissions_of,
)
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = needs_chromium


async def test_each_form_is_its_own(browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str) -> None:
    fields = [STEPPED_FIELDS[1], {"key": "cv", "label": "File", "type": "file"}]
    first, second, third = [await make_public_form(shared_stack, fields, title=f"Form {n}") for n in range(3)]
    script = f'<script async src="{leads_base}/f/{{}}/embed.js"></script>'
    # The first where its script stands; the second in two places, its script in the head; the third is the site's own.
    body = (
        f'<div data-leadhub-form="{second}"></div><main>{script.format(first)}</main>'
        f'<div data-leadhub-form="{second}"></div>{2 * script.format(second)}{script.format(first)}'
        f'<form action="{leads_base}/f/{third}?lang=de" method="post"><input name="email"><button>Go</button></form>'
        f"{2 * script.format(third)}"
    )
    policy = (
        f"default-src 'none'; script-src {leads_base}; connect-src {leads_base}; "
        "require-trusted-types-for 'script'; trusted-types leadhub"
    )
    url = site.put("/", body, policy, head=script.format(second))
    emails = [new_email() for _ in range(4)]
    async with form_visit(browser, url) as visit:
        page = visit.page
        await expect(page.get_by_role("form", name="Form 1")).to_have_count(2)
        await expect(page.locator("main").get_by_role("form", name="Form 0")).to_have_count(1)
        await page.locator("form[data-live]:not(.lh-form)").wait_for()
        assert await page.locator("form").count() == 4
        forms = [page.locator("main form"), *[page.get_by_role("form", name="Form 1").nth(n) for n in range(2)]]
        forms.append(page.locator("form:not(.lh-form)"))
        for form, email in zip(forms, emails, strict=True):
            await form.locator("[name=email]").fill(email)
        for form in reversed(forms):
            await form.locator("button").last.click()
            await expect(form).to_be_hidden()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_have_count(4)
        assert visit.faults == []
        assert sorted(await visit.events()) == sorted(4 * ["ready", "start", "submit", "success"])
    for email in emails:
        assert len(await submissions_of(shared_stack, email)) == 1


async def test_a_snippet_put_in_later_works_too(
    browser: Browser, site: FormSite, leads_base: str, stepped_form: str
) -> None:
    snippet = embed_snippet(leads_base, stepped_form)
    async with form_visit(browser, site.put("/", "<main></main>")) as visit:
        # As a tag manager or a single-page application does.
        await visit.page.evaluate(
            """(html) => {
              document.querySelector("main").innerHTML = html;
              const old = document.querySelector("script");
              const script = document.createElement("script");
              script.src = old.src;
              old.replaceWith(script);
            }""",
            snippet,
        )
        await expect(visit.page.get_by_label("Your name")).to_be_visible()
        assert visit.faults == []


async def test_a_host_may_veto_a_post_and_thank_by_itself(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str
) -> None:
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]])
    url = site.put("/", embed_snippet(leads_base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        page = visit.page
        await page.get_by_label("Work e-mail").fill(email)
        await page.evaluate("addEventListener('leadhub:submit', (event) => event.preventDefault(), {once: true})")
        await page.evaluate("addEventListener('leadhub:success', (event) => event.preventDefault())")
        await page.get_by_role("button", name="Send").click()
        assert await submissions_of(shared_stack, email) == []
        await page.get_by_role("button", name="Send").click()
        await page.wait_for_function("formEvents.some(([name]) => name === 'success')")
        await expect(page.get_by_label("Work e-mail")).to_be_visible()
        details = await page.evaluate("formEvents.map(([, detail]) => Object.keys(detail)).flat()")

    async def is_lead() -> bool:
        return [submission["lead_id"] is not None for submission in await submissions_of(shared_stack, email)] == [True]

    await until_async(is_lead, what="the visitor's lead")
    assert set(details) == {"form_id", "submission_id"}
