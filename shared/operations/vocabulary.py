"""The words of error messages that tell nothing about a person. All others are left out of a cause's title. Pure.

First names are no part of it, even where they are common words, such as `will`, `may`, `mark` and `grant`.
"""

_WORDS = """
a able above accept accepted accepts access account action active adapt add address admin after again against agent
aggregate all allow allowed already also an and another answer answered answers any anybody api argument arguments array
arrays as assign assigned at attempt attempts attribute authentication automation automations available away back bad
base batch batches be because been before began begin behind being below between beyond big bigint bits blocked body
boolean both boundary broken budget but by byte bytea bytes cache cached call calls can cancel cancelled cancels cannot
card cast cause caused causes cell certificate certify chain change changed changes char character characters check
circuit clash clause client close closed code codec col column columns comes command commit company compare compared
compile compiled complete computed concurrent condition conflict conflicting conflicts connect connection consent
consistent constraint constraints contact contain contained contains content context conversion convert converted copy
correct corrupt could couldn counter country create created credential credentials credit current custom cut cycle d
data database dataset date dates datetime day days deadlock decimal decision decode decoded decoding decrypt default
deferred defined definition delete deleted delimiter delivery denied depth detail detected dict did died different digit
digits dimension disabled disconnect disk division dns do does doesn domain don done double drop dropped due duplicate
during each element email empty enabled encode encoding encountered encrypted end ended ends engine ensure enter entry
enum error errors escape event events every example exceeded exceeds exception exhausted exist existing exists expected
expecting expired expression extension external extra fail failed fails failure false few field fields file filled first
fit fits float folder for forbidden foreign form format forms found from full function future get give given gives goes
gone greater had hand handshake has hash have header heap held here hint hold holds host hostname hostnames hour hours
http https hung id identifier idle ids if ignored illegal implemented impossible in inbound incomplete inconsistent
incorrect index infinite infinity initialised inner input inserted instance instead insufficient int integer integration
internal invalid invalidated invocation is isn it item items iterable iteration its job json kb keep keeping keeps kept
key keys keyword know known lacks lane language large last lead leads least leaves left length less let lets letter
letters level limit line link list literal literals ll lock locked log login long longer lookup lookups loop lost made
mail maintenance malformed many map mapped mapping match matches matching maximum maybe mb me memory message method
minimum mismatch missed missing mode model module more most must name named names nan near negative nested nesting
network never new no nobody non none nonetype nor not nothing notice notify nul null number numbers numeric object
occurred of off offset ok older on once one only open operand operands operation operator option options or order other
our out outbound outside over overflow overlap own owner pair panic parameter parent parse parsed part partial partition
parts password patch path paths payload peer pending permission person phase phone pipeline pipelines place plan point
policy pool port position positive post precision prepared primary private process processed product program project
protocol proxy public put puts query queue quota quote raise raised random range rate rates re reached read reading
reads real reason received receiver recipient record recover recursion reference referenced refers refuse refused
refusing reject rejected relation removed rename replaced replay request requests required reset resolve resolved
resource response restart restarted result retries retry returned returning returns right rolled root row rows rule run
running s safe same saved savepoint schema scope script search second seconds secret sections see select self send
sender sending sent sequence serializable serialization serialize server servers service session set setting settings
several shape shared short should side signal signature since size slack slot small smaller sms smtp snapshot so socket
some something sort source space special spool ssl stack stage stages start started state statement status step still
stop stopped storage stream string stuck subject submission subscription subscriptions succeeded such support supported
surrogate surrogates switch switched syntax system t table tag tags takes target task template temporary tenant
terminated terminating tests text than that the their them then there these they this those thread threads time timed
timeout timer times timestamp tls to token too tools top trace transaction transactions tried tries trigger true
truncated truth try tuple twice twilio two type types unable unavailable unclosed undefined unexpected unexpectedly
unhandled unicode unique unit unknown unreachable unreadable unsupported until up update updated url us usable use used
user username uses using utc utf uuid valid validation value values variable varying ve vector version view violate
violates violation void wait waited waiting wants was wasn webhook webhooks well were when where which while whole whose
width window with within without won word words work worker workers works workspace workspaces would wrap write writes
written wrong xml year yet yield you zero zone
"""
ERROR_WORDS = frozenset(_WORDS.split())

# Written with a capital within a sentence, and yet no names of people.
PROPER_WORDS = frozenset(
    (
        *("API", "DNS", "GET", "HTTP", "HTTPS", "ID", "IP", "JSON", "NUL", "NULL", "POST", "PUT", "SMS", "SMTP", "SQL"),
        *("SSL", "STARTTLS", "TCP", "TLS", "URL", "UTC", "UTF", "UUID", "Unicode"),
    )
)
