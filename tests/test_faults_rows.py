"""Each row of RELIABILITY.md's tables of faults (section 4), and the tests that are named after it.

What a server or a document can play is a row of a table in test_faults_http.py,
test_faults_answers.py or test_faults_documents.py; its name stands here without the number of an
advisory.
"""

import re
from pathlib import Path

import pytest

RELIABILITY = Path(__file__).resolve().parents[2] / "shared" / "RELIABILITY.md"

ROWS = {
    "slow-loris body, headers, chunks": [
        "slow-loris body", "slow-loris headers", "slow-loris chunks", "slow-loris status line",
    ],
    "hangs before headers, after headers, midway": [
        "hangs before headers", "hangs after headers", "hangs midway",
    ],
    "slow but alive": ["slow but alive", "test_slow_but_alive_is_fine"],
    "endless 100 Continue": ["endless 100 Continue", "endless 103 Early Hints"],
    "never-ending body, 200 MB, huge claims": ["never-ending body", "200 MB", "huge claim"],
    "gzip, deflate, chained, redirect bombs": [
        "gzip bomb", "deflate bomb", "raw deflate bomb", "brotli bomb", "chained bomb",
        "redirect bomb", "test_no_single_feed_costs_more_than_150_mb",
    ],
    "header flood, huge or endless header, status line": [
        "header flood", "huge header", "endless header", "huge status line",
    ],
    "wrong Content-Length, cut body, bad chunking": [
        "wrong Content-Length, too long", "cut body", "bad chunking",
        "test_of_a_document_that_is_cut_short_only_whole_entries_are_taken_and_no_validators",
    ],
    "truncated or mislabelled gzip": [
        "truncated gzip", "mislabelled: garbage as gzip", "plain under a gzip label",
    ],
    "garbage, SSH banner, HTTP/0.9, resets": ["garbage", "SSH banner", "HTTP/0.9", "reset"],
    "redirect loop, long chain, no or bad Location": [
        "redirect loop", "redirect chain that is too long", "redirect without Location",
        "redirect with a bad Location",
    ],
    "301 to login, to HTML, to 410": ["301 to login", "301 to HTML", "301 to 410"],
    "redirect to file:, gopher:, metadata, internal": [
        "redirect to file:", "redirect to gopher:", "redirect to metadata",
        "test_an_address_that_is_not_allowed_receives_no_connection_at_all",
    ],
    "HTML, captcha, JSON error, image with 200": ["HTML", "captcha", "JSON error", "image"],
    "feed under a wrong type, blank or PHP warning first, junk after": [
        "a feed under a wrong type", "blank lines first", "a PHP warning first", "junk after",
    ],
    "200 empty, blank, 204, 206": ["200 empty", "200 blank", "204", "206"],
    "304 unasked, 304 for ever": ["test_304_for_ever_is_no_fault_and_304_unasked_is_one"],
    "charset lies, UTF-16, GBK, Shift-JIS, BOM": [
        "test_letters_are_right_in_every_common_encoding_declared_or_in_the_header",
        "test_a_lie_about_the_charset_is_seen_through",
    ],
    "invalid UTF-8, surrogates, NUL, control characters, U+FFFE": [
        "NUL", "control characters", "lone surrogates in UTF-8", "U+FFFE, U+FFFF",
    ],
    "undefined entities, bare &": ["undefined entities", "bare &"],
    "entity bombs, XXE, external DTD": [
        "entity bomb, a billion laughs", "entity bomb, quadratic",
        "test_nothing_that_a_document_names_is_opened_or_fetched",
    ],
    "deep or wide XML and HTML": ["deep XML", "wide XML", "many attributes", "deep HTML"],
    "duplicate GUIDs in a feed": ["duplicate GUIDs"],
    "GUID churn, session links, no GUID": [
        "no GUID", "GUID churn", "session links", "test_ten_polls_of_five_entries_are_five_entries",
    ],
    "GUID case, Unicode forms, across feeds": [
        "test_guid_case_and_unicode_forms_tell_entries_apart",
        "test_the_same_guid_in_another_feed_is_another_entry",
    ],
    "edited, reordered, vanishing, rolling window": [
        "test_edited_reordered_vanishing_and_rolling_entries_are_one_each_and_stay",
    ],
    "10k and 100k entries": [
        "test_as_many_entries_as_the_limit_are_stored_and_the_rest_is_left_out",
    ],
    "dates: none, now, 1970, 2099, no zone, locale months, nonsense": [
        "test_no_date_is_an_exception_and_none_is_in_the_future",
    ],
    "429/503 with Retry-After": [
        "429 with Retry-After", "503 with Retry-After",
        "test_what_a_429_asks_for_holds_for_all_feeds_of_the_site_over_restarts",
    ],
    "403, 404, 5xx, timeouts in a row": [
        "403", "404", "test_each_failure_doubles_the_wait_up_to_a_day",
    ],
    "410": ["test_a_410_stops_for_good_and_says_so"],
    "flaky": ["test_flaky_errors_clear_at_the_next_success"],
    "TLS: unknown issuer, expired, plain on TLS": [
        "test_certificates_are_checked_and_what_is_wrong_is_told",
        "test_an_unknown_authority_is_not_trusted",
        "test_tls_that_is_spoken_wrongly_is_told_in_plain_words",
    ],
    "DNS: no such host, bad labels": [
        "test_a_name_that_is_not_found_is_told", "test_a_name_that_can_be_none_is_not_found",
    ],
    "ETag flapping, huge, 8-bit, unquoted": [
        "test_etags_that_flap_are_huge_8_bit_or_unquoted_never_break_the_next_poll",
    ],
    "feed URL is a path, inline XML, file:": [
        "test_no_path_leads_out_of_the_folder", "test_inline_xml_as_an_address_is_no_feed",
        "test_cve_2019_9187_an_address_of_another_kind_is_no_feed",
    ],
    # Faults that no server can play.
    "kill -9 in mid write": [
        "test_twenty_kills_in_the_middle_of_a_poll_lose_and_double_nothing",
        "test_a_kill_in_the_middle_of_a_request_is_no_reason_to_ask_again_at_once",
    ],
    "SIGTERM": ["test_a_stop_in_the_middle_of_a_slow_answer_is_clean_and_gives_the_lease_back"],
    "disk full": [
        "test_a_full_disk_is_logged_the_page_reads_on_and_space_heals_it_without_a_restart",
        "test_files_that_may_not_grow_are_like_a_full_disk",
        "test_a_full_disk_at_the_start_is_one_line",
    ],
    "database locked": ["test_a_long_lock_loses_no_poll_and_no_page_notices_it"],
    "database file missing, read-only, corrupt, newer schema": [
        "test_a_database_that_is_damaged_or_newer_is_one_line_and_left_as_it_is",
        "test_a_read_only_disk_at_the_start_is_one_line",
        "test_a_database_that_is_gone_while_running_is_said_and_gone_on_with_when_it_is_back",
        "test_one_process_alone_says_within_a_minute_that_the_database_is_gone",
    ],
    "clock back 1 h, forward 1 day, DST both ways": [
        "test_a_clock_that_is_set_moves_the_schedule_along_once",
        "test_summer_and_winter_time_change_no_interval",
    ],
    "two instances on one DB; gunicorn with 2 workers": [
        "test_two_schedulers_on_one_database_poll_each_feed_once_an_interval",
        "test_the_web_writes_requests_of_subscribers_and_nothing_else",
    ],
    "job longer than its interval": [
        "test_a_poll_that_takes_longer_than_its_interval_never_overlaps_itself",
    ],
    "one job raises, or a parser dies (SIGSEGV, OOM)": [
        "test_an_error_that_nobody_foresaw_costs_one_feed_one_poll",
        "test_a_document_that_a_worker_chokes_on_costs_only_its_own_poll",
    ],
    "config.yaml changed, broken, 5,000 feeds": [
        "test_a_changed_file_is_noticed_and_a_broken_one_changes_nothing",
        "test_a_changed_file_with_20_000_feeds_is_taken_over_without_holding_up_the_loop",
    ],
    "log and error text from servers": [
        "test_line_breaks_and_control_characters_of_servers_forge_no_line",
        "test_no_secret_of_a_url_stands_on_any_page_feed_error_or_output",
    ],
}  # fmt: skip


def test_every_test_that_is_named_for_a_row_exists():
    tests = "\n".join(
        path.read_text()
        for path in Path(__file__).parent.glob("test_*.py")
        if path.name != Path(__file__).name
    )
    functions = set(re.findall(r"^def (test_\w+)\(", tests, re.MULTILINE))
    cases = {re.sub(r" \([^)]*\d[^)]*\)$", "", name) for name in re.findall(r'"([^"\n]+)"', tests)}
    missing = [name for names in ROWS.values() for name in names if name not in functions | cases]

    assert missing == []


@pytest.mark.skipif(not RELIABILITY.exists(), reason="../shared/RELIABILITY.md is not there")
def test_every_row_of_the_tables_of_faults_has_tests():
    section = RELIABILITY.read_text().partition("\n## 4.")[2].partition("\n## 5.")[0]
    rows = [row for row in re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE) if row != "fault"]

    assert len(rows) > 40
    assert rows == list(ROWS)
