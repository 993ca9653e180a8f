"""The gatekeeper, the security headers and the plain endpoints, without Streamlit."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session as SqlSession
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core import web
from core.access.permissions import Actor
from core.accounts import sessions
from core.base import assets, clock, logs
from core.base.settings import settings
from core.database import db
from core.models import Logo, Session
from tests.support import logins
from tests.support.cast import Cast

BASE = "https://orgdesk.example"
PNG = b"\x89PNG\r\n\x1a\n and so on"
DIGEST = hashlib.sha256(PNG).hexdigest()

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


async def accept_and_greet(websocket: WebSocket) -> None:
    """Name a session as Streamlit does: the one requested, or a new one."""
    asked = websocket.headers["sec-websocket-protocol"].split(", ")
    await websocket.accept(subprotocol="streamlit")
    message = ForwardMsg()
    message.new_session.initialize.session_id = asked[2] if len(asked) > 2 else uuid4().hex
    await websocket.send_bytes(message.SerializeToString())
    await websocket.close()


EVERY_METHOD = ["GET", "POST", "PUT", "DELETE", "PATCH"]


@pytest.fixture
def client(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with serving(monkeypatch, BASE) as client:
        yield client


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, public_url: str) -> Iterator[TestClient]:
    """Serve our routes and middleware for people who open this address."""
    monkeypatch.setenv("PUBLIC_URL", public_url)
    settings.cache_clear()
    inner = [
        Route(
            "/{path:path}",
            lambda request: PlainTextResponse(request.url.path),
            methods=EVERY_METHOD,
        ),
        WebSocketRoute("/_stcore/stream", accept_and_greet),
    ]
    app = Starlette(routes=[*web.ROUTES, *inner], middleware=web.MIDDLEWARE)
    with TestClient(app, base_url=public_url, follow_redirects=False) as client:
        yield client


def sign_in(person: Actor, token: str = "") -> str:
    """Return the Cookie header of a session of this person."""
    token = db.run(logins.log_in, person, token=token).token
    return f"__Host-orgdesk={token}"


def start(person: Actor) -> str:
    assert person.user_id
    ticket = sessions.new_token()
    db.run(
        sessions.start,
        person.user_id,
        ticket,
        device="Chrome",
        ip_address="::1",
        second_factor=True,
    )
    return ticket


def keep_logo() -> None:
    def use_case(session: SqlSession) -> None:
        session.add(Logo(digest=DIGEST, png=PNG, thumbnail=b"small", created_at=clock.now()))

    db.run(use_case)


class TestCookie:
    def test_a_ticket_is_exchanged_for_a_cookie_that_scripts_cannot_read(
        self, client: TestClient, cast: Cast
    ) -> None:
        response = client.post(
            "/auth/cookie", json={"ticket": start(cast.mia)}, headers={"origin": BASE}
        )
        assert response.status_code == 204
        cookie = response.headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        assert name == "__Host-orgdesk"
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= {
            part.strip().lower() for part in rest.split(";")
        }
        with db.read() as session:
            found = sessions.find(session, rest.split(";")[0])
        assert found is not None
        assert found.actor == cast.mia

    def test_a_ticket_works_once(self, client: TestClient, cast: Cast) -> None:
        ticket = start(cast.mia)
        responses = [
            client.post("/auth/cookie", json={"ticket": ticket}, headers={"origin": BASE})
            for _ in range(2)
        ]
        assert [response.status_code for response in responses] == [204, 403]
        assert "set-cookie" not in responses[1].headers

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
    def test_only_our_own_pages_can_call_it(
        self, client: TestClient, cast: Cast, origin: str | None
    ) -> None:
        headers = {"origin": origin} if origin else {}
        response = client.post("/auth/cookie", json={"ticket": start(cast.mia)}, headers=headers)
        assert response.status_code == 403

    @pytest.mark.parametrize("body", [b'{"ticket": ""}', b"", b"[]", b"{", b'{"ticket": 7}'])
    def test_without_a_ticket_the_cookie_is_deleted(self, client: TestClient, body: bytes) -> None:
        response = client.post("/auth/cookie", content=body, headers={"origin": BASE})
        assert response.status_code == 204
        assert "Max-Age=0" in response.headers["set-cookie"]

    def test_logging_out_clears_what_the_browser_keeps(self, client: TestClient):
        found = client.post("/auth/cookie", json={"ticket": ""}, headers={"origin": BASE})
        assert found.headers["clear-site-data"] == '"storage"'

    def test_a_too_long_ticket_is_refused(self, client: TestClient) -> None:
        response = client.post("/auth/cookie", content=b"x" * 5_000, headers={"origin": BASE})
        assert response.status_code == 413

    def test_safari_gets_a_cookie_that_it_accepts_on_localhost(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Version/19 Safari/605"
        local = "http://localhost:8501"
        with serving(monkeypatch, local) as client:
            response = client.post(
                "/auth/cookie",
                json={"ticket": start(cast.mia)},
                headers={"origin": local, "user-agent": safari},
            )
        assert response.headers["set-cookie"].startswith("orgdesk=")
        assert "secure" not in response.headers["set-cookie"].lower()


class TestGatekeeper:
    @pytest.mark.parametrize("path", ["/media/x.png", "/component/x/index.html"])
    def test_files_of_pages_require_login(self, client: TestClient, cast: Cast, path: str) -> None:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"cookie": "__Host-orgdesk=made-up"}).status_code == 401
        cookie = sign_in(cast.mia)
        assert client.get(path, headers={"cookie": cookie}).status_code == 200
        assert client.put(path, headers={"origin": BASE}).status_code == 401

    def test_an_ended_session_is_refused_immediately(self, client: TestClient, cast: Cast) -> None:
        cookie = sign_in(cast.mia)
        assert cast.mia.user_id
        db.run(sessions.end_all, cast.mia.user_id, "stolen")
        assert client.get("/media/x.png", headers={"cookie": cookie}).status_code == 401

    @pytest.mark.parametrize(
        "path",
        [
            "/_stcore/agent/mcp",
            "/_stcore/agent/openapi.json",
            "/_stcore/agent",
            "/_stcore/bidi-components/x/y.js",
            "/_stcore/script-health-check",
            "/_stcore/upload_file/a/b",
            "/app/static/x",
            "/auth/login",
            "/auth/logout",
            "/oauth2callback",
        ],
    )
    def test_unused_paths_of_streamlit_are_blocked(
        self, client: TestClient, cast: Cast, path: str
    ) -> None:
        assert client.get(path, headers={"cookie": sign_in(cast.ada)}).status_code == 404

    @pytest.mark.parametrize(
        ("asked", "sent"),
        [
            ("/organizations/x", "/organizations"),
            ("/members/x/y?org=ORG-ACME234&q=a%20b", "/members?org=ORG-ACME234&q=a%20b"),
            ("/%5Cevil.example/x", "/%5Cevil.example"),
            ("/static", None),
            ("/members", None),
            ("/static/js/index.js", None),
            ("/_stcore/host-config", None),
            ("/members/_stcore/health", None),
        ],
    )
    def test_a_path_below_a_page_redirects_to_the_page(
        self, client: TestClient, asked: str, sent: str | None
    ) -> None:
        response = client.get(asked)
        assert response.headers.get("location") == sent
        assert response.status_code == 307 if sent else not response.is_redirect


class TestWebsocket:
    def open(
        self, client: TestClient, *, cookie: str = "", session_id: str = "", origin: str = BASE
    ) -> str:
        """Return the id of the Streamlit session that a websocket is given."""
        protocols = ["streamlit", "token", *([session_id] if session_id else [])]
        headers = {"origin": origin, "sec-websocket-protocol": ", ".join(protocols)}
        if cookie:
            headers["cookie"] = cookie
        with client.websocket_connect(
            f"{BASE.replace('https', 'wss')}/_stcore/stream", headers=headers
        ) as socket:
            message = ForwardMsg.FromString(socket.receive_bytes())
            return message.new_session.initialize.session_id

    def test_a_person_can_resume_their_own_session(self, client: TestClient, cast: Cast) -> None:
        cookie = sign_in(cast.mia)
        mine = self.open(client, cookie=cookie)
        assert self.open(client, cookie=cookie, session_id=mine) == mine

    def test_another_persons_session_cannot_be_resumed(
        self, client: TestClient, cast: Cast
    ) -> None:
        stolen = self.open(client, cookie=sign_in(cast.mia))
        assert self.open(client, session_id=stolen) != stolen
        assert self.open(client, cookie=sign_in(cast.otto), session_id=stolen) != stolen
        assert self.open(client, cookie=sign_in(cast.mia), session_id=stolen) != stolen

    def test_anonymous_sessions_cannot_be_resumed(self, client: TestClient) -> None:
        of_a_stranger = self.open(client)
        assert self.open(client, session_id=of_a_stranger) != of_a_stranger

    @pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9999", "null"])
    def test_another_site_is_refused(self, client: TestClient, origin: str) -> None:
        with pytest.raises(WebSocketDisconnect) as closed:
            self.open(client, origin=origin)
        assert closed.value.code == 1008


class TestHost:
    """Other host names are refused, which prevents DNS rebinding."""

    @pytest.mark.parametrize("path", ["/", "/members", "/logos/x.png", "/media/x"])
    def test_another_host_is_refused(self, client: TestClient, path: str) -> None:
        for host in ("evil.example", "orgdesk.example.evil.example", "orgdesk.example:8443", ""):
            response = client.get(path, headers={"host": host})
            assert (response.status_code, "PUBLIC_URL" in response.text) == (421, True), host

    def test_nonsense_is_refused_and_adds_nothing_to_the_log(
        self, client: TestClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, logs.SECURITY)
        path = "x%20actor%3D1%E2%80%A8%1B%5B31m"
        for host in ("[", "a[b", "evil@orgdesk.example", "orgdesk.example/x"):
            response = client.get(f"/{path}", headers={"host": host})
            assert response.status_code == 421, host
        for origin in ("http://[", "https://[orgdesk.example", "https://"):
            assert client.post("/members", headers={"origin": origin}).status_code == 403, origin
        found = {record.__dict__["facts"]["path"] for record in caplog.records}
        assert found == {path, "members"}

    def test_a_websocket_for_another_host_is_closed(self, client: TestClient) -> None:
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            client.websocket_connect("wss://evil.example/_stcore/stream"),
        ):
            pass
        assert closed.value.code == 1008

    def test_health_checks_work_for_any_host(self, client: TestClient) -> None:
        for path in ("/healthz", "/readyz"):
            assert client.get(path, headers={"host": "10.0.0.7:8501"}).status_code == 200

    def test_the_default_port_can_be_explicit(self, client: TestClient) -> None:
        assert client.get("/", headers={"host": "Orgdesk.example:443"}).status_code == 200

    def test_this_machine_has_three_names(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(monkeypatch, "http://127.0.0.1:8501") as client:
            for host in ("localhost:8501", "127.0.0.1:8501", "[::1]:8501"):
                origin = {"host": host, "origin": f"http://{host}"}
                assert client.get("/", headers=origin).status_code == 200
                assert client.post("/", headers=origin).status_code == 200
            assert client.get("/", headers={"host": "127.0.0.1.evil.example"}).status_code == 421


class TestOrigin:
    @pytest.mark.parametrize("method", EVERY_METHOD[1:])
    def test_only_our_pages_can_write(self, client: TestClient, method: str) -> None:
        """On every route, Streamlit's among them: its own token against forgery is off."""
        for origin in (None, "http://orgdesk.example", "https://evil.example", f"{BASE}:8443"):
            headers = {} if origin is None else {"origin": origin}
            for path in ("/_stcore/upload_file/a/b", "/members"):
                assert client.request(method, path, headers=headers).status_code == 403
        assert client.request(method, "/members", headers={"origin": BASE}).status_code == 200

    @pytest.mark.parametrize("origin", ["http://127.0.0.1:9999", "https://127.0.0.1:8501"])
    def test_another_port_or_scheme_is_not_ours(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, origin: str
    ) -> None:
        with serving(monkeypatch, "http://127.0.0.1:8501") as client:
            assert client.post("/members", headers={"origin": origin}).status_code == 403


class TestStreamlitMetrics:
    def test_they_are_for_staff(self, client: TestClient, cast: Cast) -> None:
        met = {
            name: client.get("/_stcore/metrics", headers={"cookie": sign_in(person)}).status_code
            for name, person in {"mia": cast.mia, "oda": cast.oda, "ada": cast.ada}.items()
        }
        assert met == {"mia": 404, "oda": 200, "ada": 200}
        assert client.get("/_stcore/metrics").status_code == 404


class TestHeaders:
    def test_personal_files_are_not_cached(self, client: TestClient, cast: Cast) -> None:
        response = client.get("/media/codes.txt", headers={"cookie": sign_in(cast.mia)})
        assert response.headers["cache-control"] == "no-store"

    def test_no_page_can_change_its_base(self, client: TestClient) -> None:
        assert "base-uri 'none'" in client.get("/members").headers["content-security-policy"]

    def test_a_setting_extends_hsts_to_subdomains(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HSTS_SUBDOMAINS", "true")
        with serving(monkeypatch, BASE) as client:
            header = client.get("/healthz").headers["strict-transport-security"]
        assert header == "max-age=31536000; includeSubDomains"

    def test_every_response_has_them(self, client: TestClient) -> None:
        for path in ("/members", "/media/x", "/_stcore/agent/mcp", "/a/b", "/healthz"):
            headers = client.get(path).headers
            assert "script-src 'self' blob:;" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"

    def test_tls_is_enforced(self, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "strict-transport-security" in client.get("/healthz").headers
        with serving(monkeypatch, "http://127.0.0.1:8501") as plain:
            assert "strict-transport-security" not in plain.get("/healthz").headers


class TestLogo:
    def test_it_requires_login(self, client: TestClient, cast: Cast) -> None:
        keep_logo()
        assert client.get(f"/logos/{DIGEST}.png").status_code == 401

    def test_it_is_only_an_image(self, client: TestClient, cast: Cast) -> None:
        keep_logo()
        cookie = {"cookie": sign_in(cast.mia)}
        response = client.get(f"/logos/{DIGEST}.png", headers=cookie)
        assert response.content == PNG
        assert response.headers["content-type"] == "image/png"
        assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"].startswith("private, max-age=")
        thumbnail = client.get(f"/logos/{DIGEST}-thumb.png", headers=cookie)
        assert thumbnail.content == b"small"

    @pytest.mark.parametrize("name", ["0" * 64, "x", f"{DIGEST}-thumb-thumb", f"{DIGEST}%0a"])
    def test_an_unknown_one_is_not_found(self, client: TestClient, cast: Cast, name: str) -> None:
        keep_logo()
        response = client.get(f"/logos/{name}.png", headers={"cookie": sign_in(cast.mia)})
        assert response.status_code == 404


class TestHealthChecks:
    def test_it_is_alive_and_ready(self, client: TestClient) -> None:
        assert client.get("/healthz").text == "ok"
        assert client.get("/readyz").text == "ready"

    def test_without_a_database_it_is_alive_but_not_ready(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://127.0.0.1:1/none")
        settings.cache_clear()
        try:
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 503
            assert client.get("/media/x", headers={"cookie": "__Host-orgdesk=x"}).status_code == 503
        finally:
            monkeypatch.undo()
            settings.cache_clear()


def test_it_is_not_ready_while_its_file_is_somewhere_else(
    client: TestClient, engine: Engine
) -> None:
    assert client.get("/readyz").status_code == 200
    file = Path(str(engine.url.database))
    away = file.rename(file.with_suffix(".away"))
    assert client.get("/readyz").status_code == 503
    away.rename(file)
    assert client.get("/readyz").status_code == 200


def test_the_raw_token_is_not_in_the_database(client: TestClient, cast: Cast) -> None:
    sign_in(cast.mia, "a token that nobody else knows")
    with db.read() as session:
        row = session.query(Session).one()
    assert "a token that nobody else knows" not in repr(vars(row))


class TestAssets:
    @pytest.fixture
    def script(self) -> assets.Asset:
        return assets.get(assets.COMPONENTS)

    def test_the_script_is_sent_compressed_and_kept_until_it_changes(
        self, client: TestClient, script: assets.Asset
    ) -> None:
        response = client.get(script.path, headers={"accept-encoding": "gzip"})
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"] == "accept-encoding"
        assert response.content == script.content
        assert int(response.headers["content-length"]) < len(response.content) / 2
        plain = client.get(script.path, headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.content == response.content

    def test_a_page_from_before_an_update_gets_the_script_of_now_and_does_not_keep_it(
        self, client: TestClient, script: assets.Asset
    ) -> None:
        response = client.get(f"/assets/components.{'0' * 16}.js")
        assert response.content == script.content
        assert response.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        "name",
        [
            "components.js",
            f"file_field.{'0' * 16}.js",
            f"brand.{'0' * 16}.svg",
            f"style.{'0' * 16}.css",
            f"..components.{'0' * 16}.js",
        ],
    )
    def test_nothing_else_is_sent(self, client: TestClient, name: str) -> None:
        assert client.get(f"/assets/{name}").status_code == 404

    def test_scripts_run_after_those_that_they_import(
        self, engine: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.js").write_text(
            'import { b } from "./z.js"\n\nexport default function () {\n  b()\n}\n'
        )
        (tmp_path / "z.js").write_text("export function b() {}\n")
        (tmp_path / "outer.css").write_text('@import "./inner.css";\n.a { color: red }')
        (tmp_path / "inner.css").write_text(".b { color: blue }\n")
        monkeypatch.setattr(assets, "FOLDER", tmp_path)
        assets.find.cache_clear()
        joined = assets.get(assets.COMPONENTS).content.decode()
        assets.find.cache_clear()
        assert joined.splitlines() == [
            "const z = (() => {",
            *("function b() {}", "", "return { b }", "})()"),
            "const a = (() => {",
            *("const { b } = z", "", "const drawComponent = function () {", "  b()", "}", ""),
            *("return { draw: drawComponent }", "})()"),
            'export const styles = {"inner": ".b { color: blue }\\n", '
            '"outer": ".b { color: blue }\\n.a { color: red }"}',
            *("", "const sheet = new CSSStyleSheet()", "sheet.replaceSync(styles.style)"),
            *("document.adoptedStyleSheets.push(sheet)", "", "export { z, a }"),
        ]
