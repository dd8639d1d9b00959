"""Pages of others in place of a feed, with signs.  Data.

Consent, logins, parked domains, default pages of servers, maintenance.  An ordinary page has a
form to log in, a banner about cookies or the word maintenance, too: so a title or an address has to
agree with the text, and the page has to be short.

Sources: default pages of servers and services, and the words in common.
"""

from aggregator.model import FailureKind
from aggregator.walls.signs import (
    KnownWall,
    address,
    code,
    markup,
    text,
    title,
    title_part,
    whole_text,
)

_DOCUMENT = frozenset(range(200, 300))
_IN_PLACE = _DOCUMENT | {403}
_CLOSED = frozenset({500, 502, 503})

CONSENT = (
    KnownWall(
        FailureKind.CONSENT_PAGE,
        "Google",
        certain_signs=(
            *address("://consent.google.", "://consent.youtube."),
            *markup("action=https://consent.google.", "action=https://consent.youtube."),
        ),
        statuses=_IN_PLACE,
        max_text=20_000,
    ),
    KnownWall(
        FailureKind.CONSENT_PAGE,
        "Yahoo",
        certain_signs=address("://consent.yahoo.", "://guce.yahoo.", "://guce.", "://consent.aol."),
        statuses=_IN_PLACE,
        max_text=20_000,
    ),
    KnownWall(
        FailureKind.CONSENT_PAGE,
        "DPG Media",
        certain_signs=address("://myprivacy.dpgmedia.", "://privacy.dpgmedia."),
        statuses=_IN_PLACE,
        max_text=20_000,
    ),
    KnownWall(
        FailureKind.CONSENT_PAGE,
        None,
        certain_signs=address("/cookiewall", "/cookie-wall", "://cookiewall.", "://consent."),
        likely_signs=(
            address("/consent", "/privacy-gate", "/cookie-consent"),
            title_part(
                "before you continue",
                "bevor sie fortfahren",
                "avant de continuer",
                "antes de continuar",
                "prima di continuare",
                "voordat je verdergaat",
                "cookie consent",
                "your privacy",
                "cookies",
                "consent",
                "einwilligung",
                "zustimmung",
                "privacy gate",
            ),
            markup("action=/consent", "/consent/save", "name=consent", "action=/cookiewall"),
        ),
        statuses=_IN_PLACE,
        max_text=6_000,
    ),
)

_PASSWORD = markup("type=password")
_LOGIN_WORDS = title_part(
    "log in", "login", "sign in", "signin", "log on", "member login", "anmelden", "anmeldung",
    "einloggen", "connexion", "se connecter", "identification", "iniciar sesión", "acceder",
    "accedi", "entrar", "fazer login", "inloggen", "aanmelden", "logga in", "zaloguj się",
    "logowanie", "войти", "вход", "авторизация", "تسجيل الدخول", "התחברות", "כניסה", "ログイン",
    "登录", "登入", "log in with your account", "account login", "authentication required",
)  # fmt: skip
_LOGIN_ADDRESSES = address(
    "/login", "/signin", "/sign-in", "/sign_in", "/log-in", "/logon", "/auth/", "/sso", "/saml",
    "/oauth", "/account/log", "/realms/", "/session/new", "/identification", "/connexion",
)  # fmt: skip

LOGINS = (
    KnownWall(
        FailureKind.LOGIN_PAGE,
        "WordPress",
        certain_signs=address("/wp-login.php"),
        likely_signs=(markup("wp-login.php"), markup("id=loginform"), markup("id=wp-submit")),
        statuses=_IN_PLACE,
        max_text=1_000,
    ),
    KnownWall(
        FailureKind.LOGIN_PAGE,
        "Google",
        certain_signs=address("://accounts.google.com/"),
        statuses=_IN_PLACE,
        max_text=20_000,
    ),
    KnownWall(
        FailureKind.LOGIN_PAGE,
        "Microsoft",
        certain_signs=address("://login.microsoftonline.com/", "://login.live.com/"),
        statuses=_IN_PLACE,
        max_text=20_000,
    ),
    KnownWall(
        FailureKind.LOGIN_PAGE,
        "Cloudflare Access",
        certain_signs=address(".cloudflareaccess.com/"),
        statuses=_IN_PLACE,
    ),
    KnownWall(
        FailureKind.LOGIN_PAGE,
        None,
        likely_signs=(_PASSWORD, _LOGIN_WORDS, _LOGIN_ADDRESSES),
        statuses=_IN_PLACE,
        max_text=1_500,
    ),
)

_IS_PARKED = text(
    "this domain is parked", "domain has been parked", "domain is parked", "is parked free",
    "this web page is parked", "domain is registered, but may still be", "домен припаркован",
    "domain name has expired", "domain registration has expired",
)  # fmt: skip
_FOR_SALE = text(
    "domain is for sale", "domain name is for sale", "domain may be for sale",
    "diese domain steht zum verkauf", "domain zu verkaufen", "ce domaine est à vendre",
    "este dominio está en venta", "questo dominio è in vendita", "dit domein is te koop",
    "ta domena jest na sprzedaż", "домен продается", "домен продаётся",
)  # fmt: skip
_BUY = text(
    "buy this domain", "buy now for", "domain kaufen", "get this domain", "make an offer",
    "interested in this domain", "inquire about this domain",
)  # fmt: skip
_PARKED_TITLES = title(
    "is for sale",
    "is parked",
    "domain for sale",
    "parked domain",
    "domain parking",
    "parking page",
    "zum verkauf",
    "à vendre",
    "en venta",
    "in vendita",
    "te koop",
    "buy this domain",
)


def _parked(service: str, *signs: str, addresses: tuple[str, ...] = ()) -> KnownWall:
    return KnownWall(
        FailureKind.PARKED_DOMAIN,
        service,
        certain_signs=(*markup(*signs), *code(*signs), *address(*addresses)),
        statuses=_IN_PLACE,
        max_text=4_000,
    )


PARKED = (
    _parked("Sedo", "sedoparking.com/", addresses=("://sedo.com/search/details",)),
    _parked("ParkingCrew", "parkingcrew.net/", "d38psrni17bvxu.cloudfront.net"),
    _parked("Bodis", "bodis.com/", "window.park ="),
    _parked(
        "GoDaddy",
        "wsimg.com/parking-lander",
        'location.href="/lander"',
        'location.href = "/lander"',
        "location.href='/lander'",
        "location.href = '/lander'",
        "window.lander_system",
        addresses=("://www.afternic.com/forsale",),
    ),
    _parked("Afternic", "afternic.com/forsale", addresses=("afternic.com/forsale",)),
    _parked(
        "Dan.com", "cdn.dan.com", "://dan.com/buy-domain", addresses=("://dan.com/buy-domain",)
    ),
    _parked("HugeDomains", "static.hugedomains.com", addresses=("hugedomains.com/domain_profile",)),
    _parked("Namecheap", "parkingpage.namecheap.com"),
    _parked("Above.com", "above.com/marketplace", addresses=("://parking.above.",)),
    _parked("ParkLogic", "parklogic.com/"),
    _parked("Porkbun", "parked.porkbun.com", addresses=("://parked.porkbun.com",)),
    KnownWall(
        FailureKind.PARKED_DOMAIN,
        None,
        likely_signs=(
            _IS_PARKED,
            _FOR_SALE,
            _BUY,
            _PARKED_TITLES,
            text("related searches", "sponsored listings", "resources and information"),
            markup("data-adblockkey="),
        ),
        statuses=_IN_PLACE,
        max_text=2_500,
    ),
)


def _default_page(service: str, *groups: tuple[str, ...], whole: str = "") -> KnownWall:
    """Return the default page of a server: a title, and texts in the page."""
    titles, *texts = groups
    return KnownWall(
        FailureKind.DEFAULT_PAGE,
        service,
        certain_signs=whole_text(whole) if whole else (),
        likely_signs=(title(*titles), *(text(*alternatives) for alternatives in texts)),
        statuses=_IN_PLACE,
        max_text=6_000,
    )


DEFAULT_PAGES = (
    _default_page(
        "nginx",
        ("welcome to nginx", "test page for the nginx http server"),
        (
            "the nginx web server is successfully installed",
            "this is the default index page that is",
        ),
        ("further configuration is required", "test the proper operation of the nginx"),
    ),
    _default_page(
        "OpenResty",
        ("welcome to openresty!",),
        ("the openresty web platform is successfully installed",),
    ),
    _default_page(
        "Apache",
        (
            "apache2 ubuntu default page",
            "apache2 debian default page",
            "apache http server test page",
            "test page for the apache http server",
            "http server test page",
            "apache2 default page",
        ),
        (
            "default welcome page used to test the correct operation of the apache2 server",
            "used to test the proper operation of the apache http server",
            "apache2 package",
            "used to test the proper operation of the http server",
            "used to test the proper operation of an http server",
        ),
        whole="it works!",
    ),
    KnownWall(
        FailureKind.DEFAULT_PAGE,
        "IIS",
        likely_signs=(
            title("iis windows", "iis7", "iis8"),
            markup("iisstart.png", "iis-85.png", "welcome.png", "linkid=66138"),
        ),
        statuses=_IN_PLACE,
        max_text=300,
    ),
    KnownWall(
        FailureKind.DEFAULT_PAGE,
        "Plesk",
        certain_signs=text(
            "this page was generated by plesk",
            "this page is generated by plesk",
            "default webpage generated for",
        ),
        likely_signs=(
            title("domain default page", "default plesk page", "web server's default page"),
            text("plesk"),
            markup("plesk"),
        ),
        statuses=_IN_PLACE,
    ),
    KnownWall(
        FailureKind.DEFAULT_PAGE,
        "cPanel",
        certain_signs=(
            *address("/cgi-sys/defaultwebpage.cgi"),
            *markup("/cgi-sys/defaultwebpage.cgi", "/img-sys/"),
        ),
        likely_signs=(
            title("default web site page", "default website page"),
            text(
                "if you are the owner of this website, please contact your hosting provider",
                "if you feel you have reached this page in error, please contact the web site",
            ),
            markup("cpanel"),
        ),
        statuses=_IN_PLACE,
    ),
    _default_page("Caddy", ("caddy works!",), ("your web server is working", "congratulations!")),
    _default_page("Tomcat", ("apache tomcat",), ("you've successfully installed tomcat",)),
    _default_page(
        "lighttpd",
        ("placeholder page", "welcome page"),
        ("lighttpd",),
        (
            "the owner of this web site has not put up any web pages yet",
            "you should replace this page with your own web pages",
        ),
    ),
    _default_page(
        "LiteSpeed",
        ("congratulation", "litespeed"),
        ("you have installed litespeed", "openlitespeed", "litespeed web server"),
    ),
    _default_page("Hestia", ("success!", "welcome"), ("your new web server is ready to use",)),
    _default_page(
        "ISPConfig",
        ("welcome to your website!", "welcome!"),
        ("this is the default index page of your website", "powered by ispconfig"),
    ),
    _default_page(
        "aaPanel",
        ("congratulations", "恭喜"),
        ("the site is created successfully", "this is the default index.html"),
    ),
    _default_page("XAMPP", ("welcome to xampp",), ("you have successfully installed xampp",)),
    _default_page(
        "Synology",
        ("hello! welcome to synology web station!", "web station"),
        ("web station has been enabled", "to finish setting up your web service"),
    ),
)

SUSPENDED = (
    KnownWall(
        FailureKind.SUSPENDED,
        None,
        certain_signs=(
            *address("/cgi-sys/suspendedpage.cgi", "://suspended-domain.", "/suspended.page/"),
            *markup("/cgi-sys/suspendedpage.cgi"),
        ),
        likely_signs=(
            title_part(
                "account suspended",
                "account has been suspended",
                "this account has been suspended",
                "site suspended",
                "website suspended",
                "website is suspended",
            ),
            text(
                "account has been suspended",
                "account is suspended",
                "website has been suspended",
                "site has been suspended",
                "contact your hosting provider",
            ),
        ),
        statuses=_IN_PLACE | _CLOSED,
        max_text=1_000,
    ),
)

_MAINTENANCE_TITLES = title_part(
    "maintenance", "maintenance mode", "under maintenance", "site maintenance",
    "down for maintenance", "site under maintenance", "scheduled maintenance",
    "we'll be back soon!",
    "we'll be back soon",
    "temporarily down for maintenance", "wartung", "wartungsarbeiten", "wartungsmodus",
    "site en maintenance", "maintenance en cours", "en maintenance", "en mantenimiento",
    "sitio en mantenimiento", "mantenimiento", "manutenzione", "in manutenzione", "em manutenção",
    "manutenção", "onderhoud", "in onderhoud", "konserwacja", "przerwa techniczna",
    "техническое обслуживание", "технические работы", "صيانة", "תחזוקה", "メンテナンス中",
    "ただいまメンテナンス中です", "网站维护中", "系统维护",
)  # fmt: skip
_MAINTENANCE_TEXTS = text(
    "undergoing maintenance", "site is under maintenance", "down due to maintenance",
    "undergoing scheduled maintenance", "undergoing planned maintenance",
    "down for maintenance", "down for scheduled maintenance", "currently under maintenance",
    "performing maintenance", "performing scheduled maintenance", "performing some maintenance",
    "maintenance at the moment", "in maintenance mode", "we'll be back", "we will be back",
    "wartungsarbeiten", "wird gerade gewartet", "en cours de maintenance", "en maintenance",
    "en mantenimiento", "tareas de mantenimiento", "in manutenzione", "em manutenção",
    "onderhoud", "prace konserwacyjne", "prace techniczne", "техническ", "メンテナンス", "维护",
)  # fmt: skip


def _maintained(service: str, *texts: str) -> KnownWall:
    return KnownWall(
        FailureKind.MAINTENANCE,
        service,
        certain_signs=text(*texts),
        statuses=_IN_PLACE | _CLOSED,
        max_text=600,
    )


MAINTENANCE = (
    _maintained("WordPress", "briefly unavailable for scheduled maintenance"),
    _maintained("Drupal", "is currently under maintenance. we should be back shortly"),
    _maintained("Joomla", "this site is down for maintenance. please check back again soon"),
    _maintained("Nextcloud", "instance is currently in maintenance mode"),
    KnownWall(
        FailureKind.MAINTENANCE,
        None,
        certain_signs=(*_MAINTENANCE_TITLES, *_MAINTENANCE_TEXTS),
        statuses=_CLOSED,
        max_text=1_200,
    ),
    KnownWall(
        FailureKind.MAINTENANCE,
        None,
        likely_signs=(_MAINTENANCE_TITLES, _MAINTENANCE_TEXTS),
        statuses=_IN_PLACE,
        max_text=1_200,
    ),
)
