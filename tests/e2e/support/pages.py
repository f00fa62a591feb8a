"""The upstream's pages: what a site behind a sign-in does with cookies and caches."""

from support.backend import Backend

HTML = b"<!doctype html><html lang='en'><title>A page of the site</title><h1>A page of the site</h1></html>"


class Pages(Backend):
    """The last segment of the path chooses, as in `Backend`; other pages are HTML."""

    async def _summary(self, exchange):
        await exchange.read_body()
        await exchange.whole(200, HTML, "Content-Type: text/html")

    async def _on_sets_cookies(self, exchange):
        """Its own cookies, and an attempt at the gateway's."""
        await exchange.whole(
            200, b"ok", "Set-Cookie: theme=dark; Path=/", "Set-Cookie: __Host-mfa-gateway=planted; Secure; Path=/; HttpOnly",
            "Set-Cookie: cart=2; Path=/", "Set-Cookie: __Host-mfa-gateway-abcdefgh=planted; Secure; Path=/",
            "Set-Cookie: mfa-gateway-other=yes; Path=/",
        )

    async def _on_cached_publicly(self, exchange):
        await exchange.whole(200, b"ok", "Cache-Control: public, max-age=600", "Vary: Accept-Language")

    async def _on_cached_shared(self, exchange):
        await exchange.whole(200, b"ok", "Cache-Control: s-maxage=600, max-age=60")

    async def _on_cached_at_the_edge(self, exchange):
        """As delivery networks and proxies in front are told."""
        fields = ("CDN-Cache-Control", "Surrogate-Control", "Cloudflare-CDN-Cache-Control", "Fastly-CDN-Cache-Control", "Edge-Control")
        await exchange.whole(200, b"ok", *(f"{name}: max-age=600" for name in fields), "X-Accel-Expires: 600")

    async def _on_cached_privately(self, exchange):
        await exchange.whole(200, b"ok", "Cache-Control: private, max-age=60")

    async def _on_expires(self, exchange):
        await exchange.whole(200, b"ok", "Expires: Thu, 01 Jan 2099 00:00:00 GMT")

    async def _on_echoes(self, exchange):
        await exchange.read_body()
        await exchange.whole(200, exchange.request.body, "Content-Type: text/plain")
