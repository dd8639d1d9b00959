"""The section `page` of config.yaml: what the pages say of their operator."""

import pytest

from tests.configured import parsed, problem


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("mailto:planet@example.org", "mailto:planet@example.org"),
        ("https://example.org/contact", "https://example.org/contact"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
    ],
)
def test_a_contact_is_a_mail_address_or_a_web_page(written, read):
    assert parsed(f"page: {{contact: '{written}'}}").page.contact == read


@pytest.mark.parametrize(
    ("key", "written", "said"),
    [
        ("contact", "me@example.org", '"me@example.org" is not complete; write mailto:me@'),
        ("contact", "mailto:me", "write mailto:planet@example.org or https://example.org/contact"),
        ("contact", "mailto:a@example.org?bcc=b@example.org", "is not an address; write mailto:"),
        ("contact", "javascript:alert(1)", "is not an address; write mailto:"),
        ("imprint", "example.org/imprint", "is not a web address; write https://example.org/page"),
        ("imprint", "javascript:alert(1)", "is not a web address; write https://example.org/page"),
        ("description", "x" * 1001, "is 1,001 characters long; write at most 1,000"),
        ("descripton", "x", 'unknown key; did you mean "description"?'),
    ],
)
def test_what_cannot_stand_on_the_pages_is_refused_with_what_to_write(key, written, said):
    message = problem(f"page:\n  {key}: '{written}'")

    assert message.startswith(("2:3: ", f"2:{len(key) + 5}: "))
    assert f"page.{key}: " in message
    assert said in message
