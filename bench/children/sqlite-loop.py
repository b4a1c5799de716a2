# Stores a text of so many bytes again and again, each time in a transaction that survives a power cut (WAL, synchronous=FULL): at each
# line of input, as often as it says; then says "done".
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute('PRAGMA journal_mode=WAL')
database.execute('PRAGMA synchronous=FULL')
database.execute('CREATE TABLE documents (name TEXT PRIMARY KEY, text TEXT)')
text = 'x' * int(sys.argv[2])
database.execute("INSERT INTO documents VALUES ('roles', ?)", (text,))
turn = 0
print('ready', flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        turn += 1
        database.execute("UPDATE documents SET text = ? WHERE name = 'roles'", (str(turn) + text,))
    print('done', flush=True)
