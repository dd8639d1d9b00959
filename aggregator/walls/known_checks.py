"""Checks for browsers and firewalls, with signs.  Data.

Signs that ordinary pages of a protected site have as well are no certain signs: the cookies of a
service, the script for watching visitors (`/cdn-cgi/challenge-platform/scripts/jsd/`,
`/_Incapsula_Resource?SWJIYLWA`, `js.datadome.co/tags.js`), the header `server`.

Sources: documentation of the services, and the marks in common to all pages of a service.
"""

from aggregator.model import FailureKind
from aggregator.walls.signs import (
    KnownWall,
    address,
    code,
    header,
    markup,
    text,
    title,
    title_part,
)

_DOCUMENT = frozenset(range(200, 300))
_CHECKING = _DOCUMENT | {401, 403, 405, 406, 418, 429, 503}
_REFUSING = frozenset({403, 405, 406, 418, 429, 503})

CHECKS = (
    KnownWall(
        FailureKind.BOT_CHECK,
        "DDoS-Guard",
        certain_signs=markup("ddos-guard/js-challenge", "/.well-known/ddos-guard/"),
        likely_signs=(
            title_part("ddos-guard"),
            header("server: ddos-guard"),
            text("checking your browser before accessing"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Cloudflare",
        certain_signs=(
            *header("cf-mitigated: challenge"),
            *code("_cf_chl_opt"),
            *markup(
                "/cdn-cgi/challenge-platform/h/b/orchestrate",
                "/cdn-cgi/challenge-platform/h/g/orchestrate",
                "cf-browser-verification",
                "cf-chl-widget",
                "jschl_vc",
            ),
        ),
        likely_signs=(
            title_part(
                "just a moment...",
                "nur einen moment...",
                "un instant...",
                "un momento...",
                "een moment geduld...",
                "один момент...",
                "um momento...",
                "请稍候...",
            ),
            header("server: cloudflare"),
            text(
                "checking your browser before accessing",
                "ddos protection by cloudflare",
                "enable javascript and cookies to continue",
                "please complete the security check to access",
                "performing security verification",
            ),
            markup("cf-captcha-container", "__cf_chl_"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Anubis",
        certain_signs=markup("/.within.website/x/", "id=anubis_challenge", "id=anubis_version"),
        likely_signs=(
            title_part("making sure you're not a bot!"),
            header("set-cookie: techaro.lol-anubis", "set-cookie: within.website-x-cmd-anubis"),
            text("protected by anubis"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "DataDome",
        certain_signs=(
            *code("captcha-delivery.com"),
            *markup("captcha-delivery.com"),
            *text("geo.captcha-delivery.com"),
            *header("x-dd-b: "),
        ),
        likely_signs=(
            header("x-datadome: ", "set-cookie: datadome="),
            text("please enable js and disable any ad blocker"),
        ),
        bare_counts=True,
        statuses=frozenset({401, 403, 405, 429}),
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "HUMAN (PerimeterX)",
        certain_signs=(
            *markup("id=px-captcha", "captcha.px-cdn.net", "captcha.perimeterx.net"),
            *code("captcha.px-cdn.net", "captcha.px-cloud.net"),
            *text('"blockscript":'),
        ),
        likely_signs=(
            title_part(
                "access to this page has been denied", "access to this page has been denied."
            ),
            code("_pxappid", "_pxuuid"),
            text("press & hold to confirm you are a human"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Imperva",
        certain_signs=(
            *markup(
                "/_incapsula_resource?cwudnsai",
                "/_incapsula_resource?swudnsai",
                "/_incapsula_resource?incident_id",
            ),
            *title("incapsula incident id"),
            *text("incapsula incident id"),
        ),
        likely_signs=(
            markup("/_incapsula_resource?swjiylwa"),
            markup("noindex"),
        ),
        statuses=_CHECKING,
        max_text=300,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Imperva",
        likely_signs=(
            title_part("pardon our interruption"),
            text("as you were browsing something about your browser made us think you were a bot"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Akamai",
        certain_signs=(
            *markup("bm-verify=", "id=sec-if-cpt-container", "id=sec-bc-tile-container"),
            *code("bm-verify=", "sec-cpt-if"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Sucuri",
        certain_signs=code("sucuri_cloudproxy_js"),
        likely_signs=(
            title_part("you are being redirected..."),
            header("server: sucuri", "x-sucuri-id: "),
            text("javascript is required. please enable javascript before you are allowed to see"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "AWS WAF",
        certain_signs=(
            *header("x-amzn-waf-action: challenge", "x-amzn-waf-action: captcha"),
            *code("awswafcookiedomainlist", "window.gokuprops"),
            *markup("awswafcookiedomainlist"),
        ),
        likely_signs=(
            markup(".awswaf.com/"),
            title_part("human verification"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Vercel",
        certain_signs=(
            *header("x-vercel-mitigated: challenge"),
            *title("vercel security checkpoint"),
        ),
        likely_signs=(
            markup("/.well-known/vercel/security/"),
            text("we're verifying your browser"),
        ),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "SiteGround",
        certain_signs=(*header("sg-captcha: challenge"), *markup("/.well-known/sgcaptcha/")),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Imunify360",
        certain_signs=text("imunify360 bot-protection"),
        likely_signs=(
            title_part("one moment, please..."),
            text("please wait while your request is being verified"),
            markup("wsidchk"),
            code("wsidchk"),
        ),
        bare_counts=True,
        statuses=_CHECKING | {415},
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Fastly",
        certain_signs=markup("/_fs-ch-"),
        likely_signs=(title_part("client challenge"), code("_fs-ch-")),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Kasada",
        likely_signs=(
            code("window.kpsdk", "kpsdk.scriptstart"),
            header("x-kpsdk-ct: "),
            markup("/ips.js?"),
        ),
        bare_counts=True,
        statuses=frozenset({403, 429}),
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Reblaze",
        certain_signs=code("window.rbzns"),
        statuses=_CHECKING,
        max_text=300,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Beget",
        certain_signs=code("beget=begetok"),
        statuses=_CHECKING,
        max_text=300,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Radware",
        certain_signs=(*address("://validate.perfdrive.com/"), *markup("validate.perfdrive.com")),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        "Google",
        certain_signs=text("our systems have detected unusual traffic from your computer network"),
        bare_counts=True,
        statuses=_CHECKING,
    ),
    KnownWall(
        FailureKind.BOT_CHECK,
        None,
        likely_signs=(
            markup(
                "g-recaptcha", "h-captcha", "cf-turnstile", "challenges.cloudflare.com/turnstile"
            ),
            title_part(
                "are you human?",
                "are you a robot?",
                "robot check",
                "security check",
                "bot verification",
                "human verification",
                "verify you are human",
            ),
            text(
                "verify you are human",
                "verify that you are human",
                "prove you are human",
                "confirm you are not a robot",
                "verify you are not a robot",
                "not a robot",
            ),
        ),
        statuses=_CHECKING,
        max_text=1_000,
    ),
)

FIREWALLS = (
    KnownWall(
        FailureKind.FIREWALL,
        "Cloudflare",
        certain_signs=title("used cloudflare to restrict access"),
        likely_signs=(
            title_part("attention required!"),
            text(
                "sorry, you have been blocked",
                "error code: 1020",
                "error code: 1010",
                "error code: 1006",
                "error code: 1009",
                "error code: 1005",
            ),
            header("server: cloudflare"),
            markup("id=cf-error-details", "id=cf-wrapper"),
        ),
        statuses=frozenset({403}),
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Akamai",
        certain_signs=text("errors.edgesuite.net"),
        likely_signs=(
            text("reference #"),
            (*title_part("access denied"), *header("server: akamaighost")),
        ),
        statuses=frozenset({403}),
        max_text=600,
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Sucuri",
        certain_signs=(
            *header("x-sucuri-block: "),
            *title("sucuri website firewall"),
            *text(
                "sucuri website firewall - access denied", "access denied - sucuri website firewall"
            ),
        ),
        likely_signs=(
            header("server: sucuri", "x-sucuri-id: "),
            text("sucuri website firewall", "access denied - sucuri"),
        ),
        statuses=_REFUSING,
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Vercel",
        certain_signs=header("x-vercel-mitigated: deny"),
        statuses=_REFUSING,
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Amazon CloudFront",
        likely_signs=(
            title_part("error: the request could not be satisfied"),
            text("request blocked. we can't connect to the server for this app or website"),
            header("x-cache: error from cloudfront"),
        ),
        statuses=frozenset({403}),
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Wordfence",
        certain_signs=text("generated by wordfence at"),
        likely_signs=(
            title_part("403 forbidden", "503"),
            text("blocked by wordfence", "wordfence is a"),
        ),
        statuses=_REFUSING,
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "ModSecurity",
        likely_signs=(
            title_part("not acceptable!", "406 not acceptable"),
            text("this error was generated by mod_security"),
        ),
        statuses=frozenset({403, 406}),
    ),
    KnownWall(
        FailureKind.FIREWALL,
        "Reddit",
        certain_signs=text("you've been blocked by network security", "whoa there, pardner!"),
        statuses=_REFUSING,
    ),
)
