"""The help of each command and group.

Written by ``python -m tests.support.help``; do not edit it.
"""

HELP = {
    (): """\
Usage: eguma COMMAND

Sell admission tickets through e-guma, and through Korus Ticket with `eguma
korus`.

The API key is read from EGUMA_API_KEY, or from stdin with --key-stdin. `eguma
demo` and --sandbox need no key. `eguma --fast COMMAND` takes the lean way to
the network (extra `fast`).

Commands:
  --help, -h: Display this message and exit.
  --version: Display application version.

Looking:
  availabilities: List the slots of products with what is left and the prices.
  fanout: List the availabilities of many products at once, as JSON lines.
  orders: List orders, made through the API, in the web shop and at the desk.
  products: List the products the key may sell, with their categories.

Selling:
  book: Book tickets.
  cancel: Cancel a booking with all of its tickets. This refunds no money.
  release: Give held places back.
  reserve: Hold places for 60 minutes.
  ticket: Check tickets in and out at the gate, and draw them.

Operating:
  doctor: Check the key, the network and the clock, and say what to do about
      what is wrong.
  journal: Look into a journal of bookings, and bring what is open to its end.

Trying out and setting up:
  calibrate: Find out what a server does where the documentation is silent, and
      write it into a profile.
  completion: Print a script that lets a shell complete commands and options. It
      changes nothing.
  demo: Book tickets in a sandbox, lose the reply, and recover it.
  sandbox: Serve a sandbox of the API with demo data, until Ctrl-C. Nothing is
      kept.

Another provider:
  korus: Sell admission tickets through Korus Ticket.

Examples:
  eguma demo
  eguma products --sandbox
  eguma doctor

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("demo",): """\
Usage: eguma demo [OPTIONS]

Book tickets in a sandbox, lose the reply, and recover it.

Needs no key and no network: the sandbox listens on a free port of this machine.

Parameters:
  --provider CHOICE: Whose sandbox to sell in. [choices: eguma, korus] [default:
      eguma]
  --output PATH: Directory for the tickets, with --provider korus; a temporary
      one if not given.
  --crash: Kill the process that books, and recover the booking from its
      journal.
  --json: Print one JSON document and nothing else on stdout.

Examples:
  eguma demo
  eguma demo --crash

See also: `eguma sandbox`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("sandbox",): """\
Usage: eguma sandbox [OPTIONS]

Serve a sandbox of the API with demo data, until Ctrl-C. Nothing is kept.

Parameters:
  --provider CHOICE: Whose API to serve. [choices: eguma, korus, both] [default:
      eguma]
  --port INT: Port to listen on; 0 takes a free one. [default: 8765]
  --host STR: Address of this machine to listen on. [default: 127.0.0.1]
  --profile FILE: Behave as this profile of `eguma calibrate` says its server
      does.
  --json: Print one JSON document, then keep serving.

Examples:
  eguma sandbox
  eguma sandbox --provider both --port 0 --json

See also: `eguma demo`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal",): """\
Usage: eguma journal COMMAND

Look into a journal of bookings, and bring what is open to its end.

All but `recover` need no API key and no network. Nothing of a customer is
shown.

Commands:
  erase: Forget what came of an entry, its tickets included; that it has ended
      stays known.
  export: Write the entries as JSON lines, the oldest first.
  list: List the entries, the oldest first: where each stands, and what to do
      about it.
  prune: Remove entries that have ended. A reference that is gone stands for
      nothing.
  recover: Bring what the journal holds of e-guma to its end, after a crash or a
      lost answer.
  resolve: Say what came of an entry, after a person has found out. Nothing is
      sent.
  show: Show all that is known under a reference: each kind and each generation.

Examples:
  eguma journal list --journal bookings.db
  eguma journal recover --journal bookings.db

See also: `eguma book`, `eguma cancel`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "list"): """\
Usage: eguma journal list [OPTIONS]

List the entries, the oldest first: where each stands, and what to do about it.

Parameters:
  --open: Only those whose outcome is not known for good.
  --reveal: Show tickets too: whoever has their numbers can use them.
  --json: Print one JSON document and nothing else on stdout.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.

Examples:
  eguma journal list --journal bookings.db
  eguma journal list --open --journal bookings.db --json

See also: `eguma journal show`, `eguma journal recover`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "show"): """\
Usage: eguma journal show [OPTIONS] REFERENCE

Show all that is known under a reference: each kind and each generation.

Arguments:
  REFERENCE: Reference of an entry; of a damaged one, the 64 digits `journal
      list` shows. [required]

Parameters:
  --reveal: Show tickets too: whoever has their numbers can use them.
  --json: Print one JSON document and nothing else on stdout.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --kind STR: Only what was asked for in this way, such as booking or
      cancellation.
  --environment URL: Only what was asked for at this API.

Examples:
  eguma journal show order-4711 --journal bookings.db

See also: `eguma journal list`, `eguma journal resolve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "export"): """\
Usage: eguma journal export [OPTIONS]

Write the entries as JSON lines, the oldest first.

Parameters:
  --to PATH: File to write instead of stdout, or to replace; only its owner can
      read it.
  --open: Only those whose outcome is not known for good.
  --reveal: Show tickets too: whoever has their numbers can use them.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.

Examples:
  eguma journal export --to entries.jsonl --journal bookings.db

See also: `eguma journal list`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "resolve"): """\
Usage: eguma journal resolve --as CHOICE [OPTIONS] REFERENCE

Say what came of an entry, after a person has found out. Nothing is sent.

The provider's back office tells. What is said here is believed: asked for again
under this reference, a confirmed booking is handed out and never sent.

Arguments:
  REFERENCE: Reference of an entry; of a damaged one, the 64 digits `journal
      list` shows. [required]

Parameters:
  --as CHOICE: What came of it. [choices: confirmed, absent, cancelled]
      [required]
  --booking-id STR...: Id of what was made: of a booking, or the IRI of an
      order; once for each order.
  --reference STR...: Its order number, likewise.
  --yes: Do not ask.
  --json: Print one JSON document and nothing else on stdout.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --kind STR: Only what was asked for in this way, such as booking or
      cancellation.
  --environment URL: Only what was asked for at this API.

Examples:
  eguma journal resolve order-4711 --as absent --journal bookings.db

See also: `eguma journal show`, `eguma journal recover`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "erase"): """\
Usage: eguma journal erase [OPTIONS] REFERENCE

Forget what came of an entry, its tickets included; that it has ended stays
known.

Arguments:
  REFERENCE: Reference of an entry; of a damaged one, the 64 digits `journal
      list` shows. [required]

Parameters:
  --yes: Do not ask.
  --json: Print one JSON document and nothing else on stdout.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --kind STR: Only what was asked for in this way, such as booking or
      cancellation.
  --environment URL: Only what was asked for at this API.

Examples:
  eguma journal erase order-4711 --journal bookings.db --yes

See also: `eguma journal prune`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "prune"): """\
Usage: eguma journal prune [OPTIONS]

Remove entries that have ended. A reference that is gone stands for nothing.

Parameters:
  --older-than DAYS: Only those asked for longer ago; 4 at least. [default: 30]
  --yes: Do not ask.
  --json: Print one JSON document and nothing else on stdout.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.

Examples:
  eguma journal prune --older-than 30 --journal bookings.db --yes

See also: `eguma journal erase`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("journal", "recover"): """\
Usage: eguma journal recover [OPTIONS]

Bring what the journal holds of e-guma to its end, after a crash or a lost
answer.

What may have been sent is sent again with the same key, or looked for among the
orders; nothing is booked twice. It ends with 0 if nothing is left open, and
else with 6.

Parameters:
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --client-ref REF: Only what was asked for under this reference.
  --wait, --no-wait: Wait a minute for a second look, if the provider's lists do
      not show an entry: they may lag behind. With --no-wait, the next recovery
      takes that look.
  --any-credentials: Take up what was asked for with other credentials, as
      before a new API key.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma journal recover --journal bookings.db

See also: `eguma journal list`, `eguma journal resolve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("products",): """\
Usage: eguma products [OPTIONS]

List the products the key may sell, with their categories.

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma products
  eguma products --sandbox --json

See also: `eguma availabilities`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("availabilities",): """\
Usage: eguma availabilities [OPTIONS] PRODUCT [ARGS...]

List the slots of products with what is left and the prices.

The last day is seven days after the first if --to does not name it. With
--format, or a file that ends in .csv, .jsonl or .parquet, it exports one row
for each category of each slot, with its price; an empty availability_count
means unlimited places.

Arguments:
  PRODUCT: Id of a product. [required]
  MORE: Ids of others.

Parameters:
  --from DAY: First day, YYYY-MM-DD; today if not given.
  --to DAY|FILE: Last day, included; or a file, as --to-file. It may stand
      twice, once for each.
  --to-file FILE: Write to this file, replacing it at the end: .csv, .jsonl or
      .parquet; - for stdout.
  --format CHOICE: Write rows in this format; that of the file's name if not
      given. [choices: csv, jsonl, parquet]
  --unguarded: In CSV, write texts as they are; else one that a spreadsheet
      would run as a formula has an apostrophe before it.
  --calendar: Show a calendar of one product: free places of each day, to the
      end of the next month if --to names no day.
  --to-svg FILE: Draw that calendar as a picture; - for stdout.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma availabilities PRODUCT
  eguma availabilities PRODUCT --from 2030-03-19 --to 2030-03-21 --json

See also: `eguma products`, `eguma fanout`, `eguma book`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("reserve",): """\
Usage: eguma reserve --item CATEGORY=QUANTITY [OPTIONS] PRODUCT STARTS_AT

Hold places for 60 minutes.

Arguments:
  PRODUCT: Id of a product. [required]
  STARTS_AT: Start of a slot as `availabilities` lists it. [required]

Parameters:
  --item CATEGORY=QUANTITY: Tickets to sell; once for each category. [required]
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma reserve PRODUCT STARTS_AT --item CATEGORY=2
  eguma reserve PRODUCT STARTS_AT --item CATEGORY=2 --dry-run

See also: `eguma availabilities`, `eguma book`, `eguma release`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("release",): """\
Usage: eguma release [OPTIONS] RESERVATION

Give held places back.

Arguments:
  RESERVATION: Id of a reservation. [required]

Parameters:
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma release RESERVATION

See also: `eguma reserve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("book",): """\
Usage: eguma book --item CATEGORY=QUANTITY --first-name STR --last-name STR
--email STR [OPTIONS] PRODUCT STARTS_AT

Book tickets.

Holds the places, shows what it will book with the total price, and asks. With
--client-ref nothing is held before, so that the same command again is the same
booking: made once, and known to the journal.

Arguments:
  PRODUCT: Id of a product. [required]
  STARTS_AT: Start of a slot as `availabilities` lists it. [required]

Parameters:
  --item CATEGORY=QUANTITY: Tickets to sell; once for each category. [required]
  --first-name STR: Of the customer. [required]
  --last-name STR: Of the customer. [required]
  --email STR: Of the customer. [required]
  --reservation STR: Book this reservation; else places are held first.
  --language STR: Of the tickets, ISO 639-1.
  --idempotency-key STR: Resume the booking that was begun with this key.
  --yes: Do not ask.
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --new-generation: Book anew what was refused, was not made, or was cancelled
      under --client-ref.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --client-ref REF: Your own name for this, such as the number of the order;
      needs a journal. The same command again under the same reference does
      nothing twice.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma book PRODUCT STARTS_AT --item CATEGORY=2 --first-name Ada \\
      --last-name Lovelace --email ada@example.com
  eguma book PRODUCT STARTS_AT --item CATEGORY=2 --first-name Ada \\
      --last-name Lovelace --email ada@example.com --journal bookings.db \\
      --client-ref order-4711 --yes
  eguma book PRODUCT STARTS_AT --item CATEGORY=2 --first-name Ada \\
      --last-name Lovelace --email ada@example.com --dry-run

See also: `eguma availabilities`, `eguma reserve`, `eguma cancel`, `eguma
journal recover`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("cancel",): """\
Usage: eguma cancel [OPTIONS] [ARGS]

Cancel a booking with all of its tickets. This refunds no money.

Arguments:
  BOOKING: Id of a booking.

Parameters:
  --client-ref REF: Instead of the id, the reference it was booked under; needs
      a journal.
  --yes: Do not ask.
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma cancel BOOKING
  eguma cancel --client-ref order-4711 --journal bookings.db --yes

See also: `eguma orders`, `eguma book`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("orders",): """\
Usage: eguma orders COMMAND [OPTIONS]

List orders, made through the API, in the web shop and at the desk.

With --format, or a file that ends in .csv, .jsonl or .parquet, it exports them,
however many there are. Only its owner can read a file with customers or with
tickets.

Commands:
  sync: Copy all orders into a file, and from then on what has changed.

Parameters:
  --updated-after STR: Changed at this local time or later,
      2026-03-19[T10:00:00].
  --updated-before STR: Changed before this local time.
  --order-number STR: Exactly this number.
  --last-name STR: Exactly this last name.
  --to, --to-file FILE: Write to this file, replacing it at the end: .csv,
      .jsonl or .parquet; - for stdout.
  --rows CHOICE: What an export has a row for; orders if not given. [choices:
      orders, lines, tickets, payments]
  --no-customers: Leave out of an export what tells who a customer is, and what
      lets somebody in.
  --format CHOICE: Write rows in this format; that of the file's name if not
      given. [choices: csv, jsonl, parquet]
  --unguarded: In CSV, write texts as they are; else one that a spreadsheet
      would run as a formula has an apostrophe before it.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma orders --last-name Lovelace
  eguma orders --updated-after 2026-03-19 --json

See also: `eguma orders sync`, `eguma cancel`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("orders", "sync"): """\
Usage: eguma orders sync [OPTIONS] DB

Copy all orders into a file, and from then on what has changed.

The file is one of SQLite. Only its owner can read it: it holds the customers of
all orders. Whenever the command is ended, what was read stays, and the next one
goes on from there. With --follow --json, each change is one JSON line.

Arguments:
  DB: File of the copy; made if there is none. [required]

Parameters:
  --follow: Go on, and print each change as it comes; Ctrl-C ends it.
  --interval FLOAT: Seconds between two rounds of --follow. [default: 30.0]
  --zone STR: Time zone in which the server writes its times. [default:
      Europe/Zurich]
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma orders sync orders.db
  eguma orders sync orders.db --follow --interval 60

See also: `eguma orders`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket",): """\
Usage: eguma ticket COMMAND

Check tickets in and out at the gate, and draw them.

Commands:
  check-in: Check a ticket in.
  check-out: Check a ticket out.
  info: Show what is known of a ticket.
  pdf: Print the tickets of a booking, a page for each, into a PDF.
  qr: Draw the code of a ticket, for a terminal or into a file.

See also: `eguma ticket check-in`, `eguma ticket info`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket", "check-in"): """\
Usage: eguma ticket check-in [OPTIONS] NUMBER

Check a ticket in.

Arguments:
  NUMBER: The 19 digits of the ticket. [required]

Parameters:
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma ticket check-in NUMBER

See also: `eguma ticket info`, `eguma ticket check-out`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket", "check-out"): """\
Usage: eguma ticket check-out [OPTIONS] NUMBER

Check a ticket out.

Arguments:
  NUMBER: The 19 digits of the ticket. [required]

Parameters:
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma ticket check-out NUMBER

See also: `eguma ticket info`, `eguma ticket check-in`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket", "info"): """\
Usage: eguma ticket info [OPTIONS] NUMBER

Show what is known of a ticket.

Arguments:
  NUMBER: The 19 digits of the ticket. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma ticket info NUMBER --json

See also: `eguma ticket check-in`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket", "qr"): """\
Usage: eguma ticket qr [OPTIONS] NUMBER

Draw the code of a ticket, for a terminal or into a file.

It needs no key and no network. Whoever has the code has the ticket: a file can
be read by its owner alone.

Arguments:
  NUMBER: The number of the ticket, to the letter. [required]

Parameters:
  --to FILE: A file ending in .png, .svg or .pdf, replaced if it exists; - for
      stdout. [default: -]
  --format CHOICE: What goes to stdout: text, which draws the code, if not
      given. [choices: text, png, svg, pdf]
  --scale PIXELS: Side of a square of a png. [default: 8]
  --json: Print one JSON document and nothing else on stdout.

Examples:
  eguma ticket qr NUMBER
  eguma ticket qr NUMBER --to ticket.png

See also: `eguma ticket pdf`, `eguma orders`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("ticket", "pdf"): """\
Usage: eguma ticket pdf --to FILE [OPTIONS] [ARGS]

Print the tickets of a booking, a page for each, into a PDF.

It is read from the orders of the merchant, since a booking itself cannot be
read. Those of a cancelled one are refused.

Arguments:
  BOOKING: Reference of the booking, which `book` and `orders` show as its
      number.

Parameters:
  --to FILE: File to write, replaced if it exists; - for stdout. [required]
  --client-ref REF: Instead of BOOKING, the reference it was booked under; needs
      a journal.
  --size CHOICE: Of the paper. [choices: a4, a6] [default: a4]
  --font FILE: A font (.ttf) for letters that are not western European.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma ticket pdf REFERENCE --to tickets.pdf

See also: `eguma orders`, `eguma ticket qr`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("fanout",): """\
Usage: eguma fanout [OPTIONS] [ARGS...]

List the availabilities of many products at once, as JSON lines.

They come in the order of the answers, each as soon as it is there. A file
appears when all is read, or not at all. With --json and --to-file, stdout gets
one document that sums the run up.

A product that cannot be read does not hold up the others: its line, or for a
table stderr, has the reason, and the exit code is that of the failures if all
are of one kind, else 1.

Arguments:
  PRODUCT: Ids of products.

Parameters:
  --all: All active products of the key.
  --from DAY: First day, YYYY-MM-DD; today if not given.
  --to DAY: Last day, included; seven days after the first if not given.
  --window-days DAYS: Read a longer range in pieces of so many days.
  --concurrency REQUESTS: Requests under way at once; as many as the server
      keeps up with if not given.
  --to-file FILE: Write to this file, replacing it at the end: JSON lines; for
      .csv and .parquet a table, as `eguma availabilities` exports it.
  --cluster ADDRESS: Let the workers of a Dask cluster do it, such as
      tls://scheduler:8786; each takes the key from its own environment.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma fanout --all --to-file slots.csv
  eguma fanout PRODUCT --from 2030-03-01 --to 2030-12-31 --window-days 31

See also: `eguma availabilities`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("doctor",): """\
Usage: eguma doctor [OPTIONS]

Check the key, the network and the clock, and say what to do about what is
wrong.

One line each for: versions, extras, misspelt variables, the key, the address,
proxies, DNS, TCP, TLS with its certificate, an answer without the key, the key
with a read of the products, the clock, the pace, and the journal. It changes
nothing. Each step waits 10 seconds unless --timeout says otherwise. The exit
code is that of the first check that fails, 0 if none does.

Parameters:
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma doctor
  eguma doctor --base-url https://api.example --journal bookings.db --json

See also: `eguma sandbox`, `eguma products`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("calibrate",): """\
Usage: eguma calibrate [OPTIONS]

Find out what a server does where the documentation is silent, and write it into
a profile.

It asks one question after the other, those that change nothing first. --book
lets it hold and book single tickets of PRODUCT as far ahead as 21 days, and
cancel each after its question; use a test product, or the demo system. A
sandbox with the profile behaves like that server.

The key of a user who is not approved is read from EGUMA_UNAPPROVED_API_KEY.

Parameters:
  --product PRODUCT: Product to ask about, and to hold and book; with --sandbox,
      its first one.
  --check-in: With --book: also check a ticket in and out. Its booking may stay
      behind.
  --sold-out PRODUCT=STARTS_AT: A slot that is known to be sold out.
  --disabled-product PRODUCT: A product of the merchant that the key may not
      sell.
  --provider CHOICE: Whose server it is. korus makes it `eguma korus calibrate`.
      [choices: eguma, korus] [default: eguma]
  --book: Also ask what needs holds and bookings.
  --wait: Also ask what takes long, such as what becomes of a hold after its
      hour.
  --profile FILE: With --sandbox: ask one that behaves as this profile says.
  --email STR: Address of the made-up customer; the server may write to it.
      [default: calibration@example.com]
  --to FILE: Where to write the profile. [default: calibration.toml]
  --force: Replace the file if there is one.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else EGUMA_BASE_URL, else the live API.
  --key-stdin: Read the API key from the first line of stdin, not EGUMA_API_KEY.

Examples:
  eguma calibrate --product PRODUCT
  eguma calibrate --product PRODUCT --book --to demo.toml

See also: `eguma korus calibrate`, `eguma sandbox`, `eguma doctor`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus",): """\
Usage: eguma korus COMMAND

Sell admission tickets through Korus Ticket.

Client id and secret are read from KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, or
the secret from stdin with --secret-stdin. IRIs are passed on as they are
listed.

Looking:
  availability: Ask for the stock of an offer and its sessions at this moment.
      It holds nothing.
  catalogs: List the catalogs your organization may sell from.
  offers: List the offers of a catalog: a product for a day, with price and
      stock.
  order-show: Show an order with its tickets, what they wait for, and its
      documents.
  orders: List the orders of your organization, latest first.
  price: Ask for the price of an offer at this moment.
  product-bases: List the main entries of a catalog that are for sale.
  products: List the variants of a product base, or all products of a catalog.
  reservations: List the reservations of your organization, latest first.
  tickets: List the tickets of an offer with the sessions to choose from.

Selling:
  beneficiary: Tell who uses a ticket. Some issuers allow it only once.
  document: Store a document of an order, as a rule its tickets in PDF.
  order: Turn reservations into orders. It books for real.
  reserve: Hold an offer for some minutes, usually 15. It cannot be given back.

Operating:
  doctor: Check the credentials, the network and the clock, and say what to do
      about what is wrong.
  journal: Bring what a journal holds of Korus Ticket to its end.

Trying out and setting up:
  calibrate: Find out what a server does where the documentation is silent, and
      write it into a profile.

Examples:
  eguma korus catalogs --sandbox
  eguma demo --provider korus

See also: `eguma korus doctor`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "catalogs"): """\
Usage: eguma korus catalogs [OPTIONS]

List the catalogs your organization may sell from.

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus catalogs

See also: `eguma korus product-bases`, `eguma korus offers`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "product-bases"): """\
Usage: eguma korus product-bases [OPTIONS] CATALOG

List the main entries of a catalog that are for sale.

Arguments:
  CATALOG: IRI of a catalog. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus product-bases CATALOG

See also: `eguma korus catalogs`, `eguma korus products`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "products"): """\
Usage: eguma korus products [OPTIONS] PARENT

List the variants of a product base, or all products of a catalog.

Arguments:
  PARENT: IRI of a product base, or of a catalog. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus products CATALOG

See also: `eguma korus product-bases`, `eguma korus offers`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "offers"): """\
Usage: eguma korus offers [OPTIONS] CATALOG

List the offers of a catalog: a product for a day, with price and stock.

With --format, or a file that ends in .csv, .jsonl or .parquet, it exports one
row for each.

Arguments:
  CATALOG: IRI of a catalog. [required]

Parameters:
  --product STR...: IRI or id of a product; once for each.
  --product-base STR: IRI or id of a product base.
  --from STR: First day, YYYY-MM-DD; any if not given.
  --to DAY|FILE: Last day, included; or a file, as --to-file. It may stand
      twice, once for each.
  --to-file FILE: Write to this file, replacing it at the end: .csv, .jsonl or
      .parquet; - for stdout.
  --format CHOICE: Write rows in this format; that of the file's name if not
      given. [choices: csv, jsonl, parquet]
  --unguarded: In CSV, write texts as they are; else one that a spreadsheet
      would run as a formula has an apostrophe before it.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus offers CATALOG
  eguma korus offers CATALOG --from 2030-03-19 --to 2030-03-19 --json

See also: `eguma korus catalogs`, `eguma korus tickets`, `eguma korus reserve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "price"): """\
Usage: eguma korus price [OPTIONS] OFFER

Ask for the price of an offer at this moment.

Arguments:
  OFFER: IRI of an offer. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus price OFFER

See also: `eguma korus offers`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "availability"): """\
Usage: eguma korus availability [OPTIONS] OFFER

Ask for the stock of an offer and its sessions at this moment. It holds nothing.

Arguments:
  OFFER: IRI of an offer. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus availability OFFER

See also: `eguma korus offers`, `eguma korus tickets`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "tickets"): """\
Usage: eguma korus tickets [OPTIONS] OFFER

List the tickets of an offer with the sessions to choose from.

Arguments:
  OFFER: IRI of an offer. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus tickets OFFER

See also: `eguma korus offers`, `eguma korus reserve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "reserve"): """\
Usage: eguma korus reserve [OPTIONS] OFFER

Hold an offer for some minutes, usually 15. It cannot be given back.

With --dry-run, the tickets of the offer are read all the same: the request
names them.

Arguments:
  OFFER: IRI of an offer. [required]

Parameters:
  --quantity INT: How many units. [default: 1]
  --session STR...: TICKET=SESSION, ids as `tickets` lists them; once for each
      ticket that needs it.
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus reserve OFFER --quantity 2
  eguma korus reserve OFFER --dry-run

See also: `eguma korus offers`, `eguma korus tickets`, `eguma korus order`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "reservations"): """\
Usage: eguma korus reservations [OPTIONS]

List the reservations of your organization, latest first.

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus reservations

See also: `eguma korus reserve`, `eguma korus order`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "order"): """\
Usage: eguma korus order --external-reference STR --first-name STR --last-name
STR --email STR [OPTIONS] [ARGS...]

Turn reservations into orders. It books for real.

Shows what it will book with the total price, and asks. If the answer is lost,
it looks for the orders by the external reference before it sends anything
again. With a journal, the same command again does nothing twice.

Arguments:
  RESERVATION: IRIs of reservations.

Parameters:
  --external-reference STR: Your own unique reference, 50 characters at most.
      [required]
  --first-name STR: Of the customer. [required]
  --last-name STR: Of the customer. [required]
  --email STR: Of the customer. [required]
  --phone STR: Of the customer.
  --country STR: Of the customer, ISO 3166-1, such as FR.
  --notes STR: A remark for the issuer.
  --yes: Do not ask.
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --client-ref REF: Your own name for this, such as the number of the order;
      needs a journal. The same command again under the same reference does
      nothing twice.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus order RESERVATION --external-reference order-4711 \\
      --first-name Ada --last-name Lovelace --email ada@example.com
  eguma korus order RESERVATION --external-reference order-4711 \\
      --first-name Ada --last-name Lovelace --email ada@example.com --dry-run

See also: `eguma korus reserve`, `eguma korus order-show`, `eguma korus journal
recover`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "orders"): """\
Usage: eguma korus orders [OPTIONS]

List the orders of your organization, latest first.

With --format, or a file that ends in .csv, .jsonl or .parquet, it exports them,
however many there are. Only its owner can read a file with customers or with
tickets.

Parameters:
  --external-reference STR: Exactly this reference of yours.
  --to, --to-file FILE: Write to this file, replacing it at the end: .csv,
      .jsonl or .parquet; - for stdout.
  --rows CHOICE: What an export has a row for; orders if not given. [choices:
      orders, items, tickets]
  --no-customers: Leave out of an export what tells who a customer is, and what
      lets somebody in.
  --format CHOICE: Write rows in this format; that of the file's name if not
      given. [choices: csv, jsonl, parquet]
  --unguarded: In CSV, write texts as they are; else one that a spreadsheet
      would run as a formula has an apostrophe before it.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus orders --external-reference order-4711

See also: `eguma korus order-show`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "order-show"): """\
Usage: eguma korus order-show [OPTIONS] ORDER

Show an order with its tickets, what they wait for, and its documents.

Arguments:
  ORDER: IRI of an order. [required]

Parameters:
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus order-show ORDER

See also: `eguma korus orders`, `eguma korus beneficiary`, `eguma korus
document`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "beneficiary"): """\
Usage: eguma korus beneficiary --first-name STR --last-name STR [OPTIONS] TICKET

Tell who uses a ticket. Some issuers allow it only once.

Arguments:
  TICKET: IRI of a ticket as `order-show` lists it. [required]

Parameters:
  --first-name STR: Of the person. [required]
  --last-name STR: Of the person. [required]
  --date-of-birth STR: YYYY-MM-DD.
  --place-of-birth STR: A town.
  --nationality STR: ISO 3166-1, such as FR.
  --title CHOICE: How to address the person. [choices: mr, mrs, mx]
  --email STR: Of the person.
  --phone STR: Of the person.
  --dry-run: Print the request that would be sent, without the key, and send
      nothing.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus beneficiary TICKET --first-name Ada --last-name Lovelace

See also: `eguma korus order-show`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "document"): """\
Usage: eguma korus document --to PATH [OPTIONS] DOCUMENT

Store a document of an order, as a rule its tickets in PDF.

Arguments:
  DOCUMENT: IRI of a document as `order-show` lists it. [required]

Parameters:
  --to PATH: File to write, replaced if it exists. [required]
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus document DOCUMENT --to tickets.pdf

See also: `eguma korus order-show`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "journal"): """\
Usage: eguma korus journal COMMAND

Bring what a journal holds of Korus Ticket to its end.

All other commands are those of `eguma journal`: a journal holds the entries of
both providers.

Commands:
  recover: Bring what the journal holds of Korus Ticket to its end, after a
      crash or a lost answer.

See also: `eguma journal`, `eguma korus journal recover`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "journal", "recover"): """\
Usage: eguma korus journal recover [OPTIONS]

Bring what the journal holds of Korus Ticket to its end, after a crash or a lost
answer.

Orders are looked for by their reference and their reservations, and only what
is missing is sent again. It ends with 0 if nothing is left open, and else with
6.

Parameters:
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --client-ref REF: Only what was asked for under this reference.
  --wait, --no-wait: Wait a minute for a second look, if the provider's lists do
      not show an entry: they may lag behind. With --no-wait, the next recovery
      takes that look.
  --any-credentials: Take up what was asked for with other credentials, as
      before a new API key.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus journal recover --journal bookings.db

See also: `eguma journal list`, `eguma journal resolve`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "doctor"): """\
Usage: eguma korus doctor [OPTIONS]

Check the credentials, the network and the clock, and say what to do about what
is wrong.

As `eguma doctor`, for the API and for the identity server that hands out its
tokens. It changes nothing. Each step waits 10 seconds unless --timeout says
otherwise. The exit code is that of the first check that fails, 0 if none does.

Parameters:
  --journal LOCATION: Path of a file, or URL of a database; EGUMA_JOURNAL if not
      given. If it is encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY.
  --account NAME: The account, if the journal holds those of several.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus doctor
  eguma korus doctor --sandbox --json

See also: `eguma sandbox`, `eguma korus catalogs`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("korus", "calibrate"): """\
Usage: eguma korus calibrate [OPTIONS]

Find out what a server does where the documentation is silent, and write it into
a profile.

It asks one question after the other, those that change nothing first; earlier
reservations and orders tell a lot. --book lets it hold and order OFFER for
real. Nothing of that is given back: a hold ends by itself, and the API cannot
cancel an order. Use the demo system.

Parameters:
  --offer OFFER: An offer to hold and order with --book. Add one that asks for
      names: its documents are not ready at once. With --sandbox, two of its
      own.
  --foreign IRI: Something that another organization owns, to be refused.
  --book: Also ask what needs holds and bookings.
  --wait: Also ask what takes long, such as what becomes of a hold after its
      hour.
  --profile FILE: With --sandbox: ask one that behaves as this profile says.
  --email STR: Address of the made-up customer; the server may write to it.
      [default: calibration@example.com]
  --to FILE: Where to write the profile. [default: calibration.toml]
  --force: Replace the file if there is one.
  --json: Print one JSON document and nothing else on stdout.
  --sandbox: Use a sandbox within this process, with its demo data.
  --proxy URL: An HTTP proxy, http://HOST:PORT. Those of the environment are not
      used.
  --timeout SECONDS: How long to wait for each answer; 60 if not given.
  --verbose, -v: Log every request on stderr.
  --base-url URL: Where the API is; else KORUS_BASE_URL, else the live API.
  --token-url URL: Where tokens are fetched; else KORUS_TOKEN_URL, else the live
      identity server.
  --secret-stdin: Read the client secret from the first line of stdin, not
      KORUS_CLIENT_SECRET.
  --language STR: Of names, errors and documents, ISO 639-1.

Examples:
  eguma korus calibrate
  eguma korus calibrate --book --offer OFFER --to demo.toml

See also: `eguma calibrate`, `eguma sandbox`, `eguma korus doctor`.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
    ("completion",): """\
Usage: eguma completion SHELL

Print a script that lets a shell complete commands and options. It changes
nothing.

It knows all by heart: nothing is run when TAB is pressed, or a shell begins.
Print it again after an update.

Arguments:
  SHELL: The shell. [choices: bash, zsh, fish] [required]

Examples:
  eguma completion bash > ~/.local/share/bash-completion/completions/eguma
  eguma completion zsh > ~/.zfunc/_eguma
  eguma completion fish > ~/.config/fish/completions/eguma.fish

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or
without rights, 4 not found, 5 refused by the server (invalid, conflict, sold
out), 6 outcome unknown or not what was asked for, 7 no connection, 129 the
terminal was closed (SIGHUP), 130 interrupted (Ctrl-C), 141 the reader of the
output left early (SIGPIPE), 143 terminated (SIGTERM).
""",
}
