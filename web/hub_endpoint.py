"""The address of our own hub: checks a request and stores it for verification (WebSub, 5.1).

The only address for POST requests, and only where config.yaml turns the hub on.  A polling process
asks the subscriber back before the subscription begins.
"""

from datetime import timedelta

from flask import Blueprint, Response, abort, request

from aggregator import merged, urls
from aggregator.database.websub.write_requests import SubscriptionRequest
from aggregator.merged import ListRequest
from web import renamed_lists
from web.site import site

bp = Blueprint("hub", __name__)

LEASE = timedelta(days=10)
_MIN_LEASE, _MAX_LEASE = timedelta(hours=1), timedelta(days=30)
_MAX_CALLBACK = 2048
_MAX_SECRET = 200  # bytes, exclusive (WebSub, 5.1)


@bp.post(merged.HUB_PATH)
def subscribe() -> Response:
    """Accept a request to subscribe or unsubscribe: 202, as the hub verifies the request later."""
    hub = site().hub or abort(404)
    if not hub.store(_subscription_request()):
        return _text_response("The hub is busy; try again later.", 503, {"Retry-After": "60"})
    return _text_response("Accepted; the callback will be asked.", 202)


def _subscription_request() -> SubscriptionRequest:
    mode = request.form.get("hub.mode", "")
    if mode not in {"subscribe", "unsubscribe"}:
        abort(400, "hub.mode: subscribe or unsubscribe")
    callback = _callback()
    return SubscriptionRequest(
        topic=_topic(),
        callback=callback,
        host=urls.site_of(callback),
        secret=_secret(),
        lease=_lease(),
        is_unsubscribe=mode == "unsubscribe",
    )


def _topic() -> str:
    """Return the URL of one of our documents."""
    topic = request.form.get("hub.topic", "")
    list_request = site().publication.request_for(topic)
    if list_request is None or not _exists(list_request):
        abort(400, "hub.topic: not a feed of this site; take the address of its rel=self")
    return topic


def _exists(list_request: ListRequest) -> bool:
    now = site().utc_now()
    with site().engine.connect() as connection:
        scope = renamed_lists.in_present_names(connection, list_request.scope)
        return merged.document_head(connection, scope, site().publication, now=now) is not None


def _callback() -> str:
    callback = request.form.get("hub.callback", "")
    is_usable = urls.is_web(callback) and urls.is_absolute(callback) and "#" not in callback
    if not is_usable or len(callback) > _MAX_CALLBACK or not callback.isascii():
        abort(400, "hub.callback: an http or https URL is needed")
    return callback


def _secret() -> str | None:
    secret = request.form.get("hub.secret", "")
    if len(secret.encode()) >= _MAX_SECRET or "\0" in secret:  # PostgreSQL stores no NUL
        abort(400, f"hub.secret: less than {_MAX_SECRET} bytes, and no NUL")
    return secret or None


def _lease() -> timedelta:
    """Return the length of the subscription as requested, within bounds."""
    text = request.form.get("hub.lease_seconds", "")
    if not text:
        return LEASE
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        abort(400, "hub.lease_seconds: a number of seconds")
    return min(max(timedelta(seconds=int(text)), _MIN_LEASE), _MAX_LEASE)


def _text_response(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    response = Response(f"{text}\n", status, headers, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
