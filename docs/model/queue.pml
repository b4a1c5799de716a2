/*
 * The queue of the kernel engine: PROCESSES processes want one lock once, each exclusive or shared; each may give up while
 * it sleeps, CANCELS times in all, and may be killed between any two steps, CRASHES times in all. With STOPS, one of them
 * is stopped (SIGSTOP) anywhere but while it holds the lock, and continued at any later time or after all others are done.
 *
 * Files are numbers: the lock is 0, tickets are 1, 2, … in the order of their names. `flock` is the owner of a ticket's
 * lock; watching a file and closing one raise hints as inotify does: a close is announced before the kernel drops the
 * lock that goes with it. A waiter that was hinted looks several times; the last time, whatever was announced is dropped.
 *
 * There is no backstop timer here, so that whoever would need it to go on hangs, which is an invalid end state, but for
 *   - a stopped process (STOPS): others may pass it at their backstop;
 *   - a process that was killed while it had a dead ticket locked to remove it: the next one finds out at its backstop.
 *
 * Letters in the comments are the steps of src/engine/kernel: E entry.ts, Q queue.ts, W waiter.ts.
 */
#ifndef PROCESSES
#define PROCESSES 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CANCELS
#define CANCELS 1
#endif
#define TICKETS 9
#define LOCK 0
#define NOTHING 255
#define NOBODY 255
#define FREE 0
#define SHARED 1
#define EXCLUSIVE 2

byte held[PROCESSES];          /* the lock, as the kernel has it */
byte readers, writers;         /* how many have it so */
byte mode[PROCESSES];
bool killed[PROCESSES];
bool opened[PROCESSES];        /* has the lock file open */
bool listed[TICKETS];          /* the ticket has its name (nlink 1) */
byte flock[TICKETS];           /* who has it locked, plus one */
byte owner[TICKETS];
byte dropping[TICKETS];        /* locks on this file whose end was announced and is to come */
byte ticket[PROCESSES];
byte watched[PROCESSES] = NOTHING;
bool hint[PROCESSES];
byte clock;                    /* the last name given out */
byte crashes = CRASHES, cancels = CANCELS;
byte stopped = NOBODY;
byte ended;
/* Ghosts: when a waiter's ticket was complete (0: it is not in line), and what excuses a backstop or a lost order. */
byte inLine[PROCESSES];
bool reaperDied, wasStopped;

#define bit(t) (1 << (t))
#define blocks(t) (mode[me] == EXCLUSIVE || mode[owner[t]] == EXCLUSIVE)

inline raise(file) {
    d_step {
        for (i : 0 .. PROCESSES - 1) { hint[i] = hint[i] || watched[i] == file }
        i = 0
    }
}

inline watch(file) { d_step { watched[me] = file; hint[me] = false } }

#define isFree(how) (writers == 0 && (how == SHARED || readers == 0))

inline take(how) {
    held[me] = how;
    readers = readers + (how == SHARED);
    writers = writers + (how == EXCLUSIVE)
}

inline drop() {
    readers = readers - (held[me] == SHARED);
    writers = writers - (held[me] == EXCLUSIVE);
    held[me] = FREE
}

inline list() {
    d_step {
        names = 0;
        for (i : 1 .. TICKETS - 1) {
            if
            :: listed[i] -> names = names | bit(i)
            :: else
            fi
        }
        i = 0
    }
}

/* Those who were there before this one, and are neither dead nor finished nor allowed to hold together with it. */
inline assertOrder() {
    d_step {
        for (i : 0 .. PROCESSES - 1) {
            assert(i == me || inLine[i] == 0 || inLine[i] >= ticket[me] || wasStopped
                || (mode[i] == SHARED && mode[me] == SHARED))
        }
        i = 0
    }
}

#ifdef STOPS
#define CAN_RUN provided (stopped != _pid - 1)
#else
#define CAN_RUN
#endif

#define OR_DIE :: atomic { crashes > 0 -> crashes--; killed[me] = true }; goto closing

/* ForeignEntry.isAlive (E): a dead one's ticket is locked, unlinked, unlocked; it needs two steps more. */
inline probe(t) {
    d_step {
        alive = false;
        if
        :: listed[t] && flock[t] != 0 -> alive = true
        :: listed[t] && flock[t] == 0 ->
            reaping = t;
#ifndef REAP_UNLOCKED
            flock[t] = me + 1
#endif
        :: else
        fi
    }
}

inline reap() {
    if
    :: reaping != 0 ->
        if
        :: atomic { assert(inLine[owner[reaping]] == 0 || ticket[owner[reaping]] != reaping);
                    listed[reaping] = false; raise(reaping) }
        OR_DIE
        fi;
        if
        :: atomic {
            if
            :: flock[reaping] == me + 1 -> flock[reaping] = 0
            :: else
            fi;
            reaping = 0 }
        OR_DIE
        fi
    :: else
    fi
}

proctype Process(byte me) CAN_RUN {
    byte i, at, reaping;
    short names;
    bool alive, retry, queued, testing;

    /* A newcomer (Q: isQueued): does anybody wait whom it must not overtake? */
    if
    :: atomic { list(); at = 1 }
    OR_DIE
    fi;
    do
    :: at < TICKETS && (names & bit(at)) != 0 && blocks(at) ->
        if
        :: atomic { probe(at) }
        OR_DIE
        fi;
        reap();
        if
        :: alive && stopped != owner[at] -> alive = false; queued = true; break
        :: alive && stopped == owner[at] -> at++ /* overdue */
        :: !alive -> at++
        fi
    :: at < TICKETS && !((names & bit(at)) != 0 && blocks(at)) -> at++
    :: at >= TICKETS -> break
    od;
    names = 0;
    at = 0;
    if
    :: !queued ->
        if
        :: atomic { isFree(mode[me]) -> opened[me] = true; take(mode[me]) }; goto holding
        :: !isFree(mode[me])
        OR_DIE
        fi
    :: else
    fi;

join: /* E1: a name that sorts behind all that were made before */
    if
    :: atomic { clock++; assert(clock < TICKETS); ticket[me] = clock; owner[clock] = me }
    OR_DIE
    fi;
    if
    :: listed[ticket[me]] = true
    OR_DIE
    fi;
    if /* E2 */
    :: atomic { flock[ticket[me]] == 0 -> flock[ticket[me]] = me + 1 }
    :: atomic { flock[ticket[me]] != 0 -> raise(ticket[me]); ticket[me] = 0 }; goto join
    OR_DIE
    fi;
#ifndef NO_LINK_COUNT
    if
    :: atomic { listed[ticket[me]] -> inLine[me] = clock }
    :: atomic { !listed[ticket[me]] -> raise(ticket[me]); flock[ticket[me]] = 0; ticket[me] = 0 }; goto join
    OR_DIE
    fi;
#else
    inLine[me] = clock;
#endif

follow: /* Q: predecessor, the nearest ticket in the way that is alive */
    if
    :: atomic { watch(NOTHING); list(); at = ticket[me] }
    OR_DIE
    fi;
    do
    :: at > 1 ->
        at--;
        if
        :: (names & bit(at)) != 0 && blocks(at) ->
            if
            :: atomic { probe(at) }
            OR_DIE
            fi;
            reap();
            if
            :: alive && stopped == owner[at] /* overdue */
            :: alive -> break
            :: !alive
            fi
        :: else
        fi
    :: at <= 1 -> names = 0; at = 0; goto lead
    od;
    if /* Q1: watch it … */
    :: atomic { watch(at); retry = true; names = 0 }
    OR_DIE
    fi;
#ifdef NO_LAST_LOOK
    retry = false;
    goto asleep;
#endif

again: /* … and look once more */
    if
    :: atomic { probe(at) }
    OR_DIE
    fi;
    reap();
    if
    :: atomic { !alive -> at = 0 }; goto follow
    :: atomic { alive -> alive = false }
    fi;

asleep:
    if
    :: atomic { hint[me] -> hint[me] = false; retry = true }; goto again
#ifndef NO_RETRIES
    :: atomic { retry && dropping[at] == 0 -> retry = false }; goto again
#endif
#ifndef NO_BACKSTOP_AFTER_REAPERS
    :: reaperDied && flock[at] == 0 -> goto again
#endif
#ifndef NO_BACKSTOP_FOR_STOPPED
    :: stopped != NOBODY && isFree(EXCLUSIVE) -> goto lookPast
#endif
    :: atomic { cancels > 0 -> cancels-- }; goto leave
    OR_DIE
    fi;

lookPast: /* W: at the backstop; the lock is seen free twice, the first time by taking it for an instant */
    if
    :: atomic { isFree(EXCLUSIVE) -> take(EXCLUSIVE); opened[me] = true; testing = true; dropping[LOCK]++ }
    :: !isFree(EXCLUSIVE) -> goto again
    OR_DIE
    fi;
    if
    :: atomic { drop(); testing = false; dropping[LOCK]-- }
    OR_DIE
    fi;
    if
    :: atomic { isFree(mode[me]) -> take(mode[me]) }; goto granted
    :: !isFree(mode[me]) -> goto again
    OR_DIE
    fi;

lead: /* W1 to W3: try, watch, try, sleep */
    if
    :: atomic { isFree(mode[me]) -> opened[me] = true; take(mode[me]) }; goto granted
    :: atomic { !isFree(mode[me]) -> opened[me] = true };
        if
        :: watched[me] == LOCK
        :: atomic { watched[me] != LOCK -> watch(LOCK); retry = true };
#ifndef WATCH_LATE
            goto lead
#else
            retry = false
#endif
        fi
    OR_DIE
    fi;
    if
    :: atomic { hint[me] -> hint[me] = false; retry = true }; goto lead
#ifndef NO_RETRIES
    :: atomic { retry && dropping[LOCK] == 0 -> retry = false }; goto lead
#endif
    :: atomic { cancels > 0 -> cancels-- }; goto leave
    OR_DIE
    fi;

granted:
    atomic { watch(NOTHING); assertOrder(); inLine[me] = 0; at = 0; retry = false; queued = false };
    if /* unlinked and closed; between the two it is dead already to whoever looks */
    :: atomic { listed[ticket[me]] = false; raise(ticket[me]); flock[ticket[me]] = 0; ticket[me] = 0 }
    OR_DIE
    fi;

holding:
    if
    :: atomic { raise(LOCK); dropping[LOCK]++ }
    OR_DIE
    fi;
    atomic { drop(); dropping[LOCK]--; opened[me] = false };
    goto finished;

leave:
    atomic { watch(NOTHING); inLine[me] = 0; at = 0; retry = false; queued = false };
    if
    :: atomic { listed[ticket[me]] = false; raise(ticket[me]); flock[ticket[me]] = 0; ticket[me] = 0 }
    OR_DIE
    fi;
    goto closed;

closing: /* the kernel closes what it had open, in any order; closing what was opened for reading raises no hint */
    atomic {
        watch(NOTHING);
        inLine[me] = 0;
        names = 0; at = 0; alive = false; retry = false; queued = false;
        if
        :: testing -> dropping[LOCK]--; testing = false
        :: else
        fi;
        if
        :: reaping != 0 -> reaperDied = true
        :: else
        fi
    };
    do
    :: atomic { reaping != 0 ->
        if
        :: flock[reaping] == me + 1 -> flock[reaping] = 0
        :: else
        fi;
        reaping = 0 }
    :: ticket[me] != 0 ->
        atomic { raise(ticket[me]); dropping[ticket[me]]++ };
        atomic {
            dropping[ticket[me]]--;
            if
            :: flock[ticket[me]] == me + 1 -> flock[ticket[me]] = 0
            :: else
            fi;
            ticket[me] = 0 }
    :: opened[me] ->
        atomic { raise(LOCK); dropping[LOCK]++ };
        atomic { dropping[LOCK]--; drop(); opened[me] = false }
    :: reaping == 0 && ticket[me] == 0 && !opened[me] -> break
    od;

closed:
    if
    :: opened[me] -> atomic { raise(LOCK); opened[me] = false }
    :: else
    fi;

finished:
    ended++
}

#ifdef STRANGER
/* Somebody without a ticket who has the lock from the start, and releases it or dies, which looks the same. */
proctype Stranger() {
    byte i;
    atomic { raise(LOCK); dropping[LOCK]++ };
    atomic { writers--; dropping[LOCK]-- }
}
#endif

#ifdef STOPS
proctype Stopper() {
    byte p;
    select (p : 0 .. PROCESSES - 1);
    if
    :: atomic { held[p] == FREE && !killed[p] -> stopped = p; wasStopped = true };
        stopped = NOBODY
    :: atomic { held[p] == FREE && !killed[p] -> stopped = p; wasStopped = true };
        atomic { ended >= PROCESSES - 1 -> stopped = NOBODY }
    :: true
    fi
}
#endif

init {
    byte n, writing;
    atomic {
        select (writing : 0 .. PROCESSES);
        for (n : 0 .. PROCESSES - 1) { mode[n] = (n < writing -> EXCLUSIVE : SHARED) }
        for (n : 0 .. PROCESSES - 1) { run Process(n) }
#ifdef STRANGER
        writers = 1;
        run Stranger();
#endif
#ifdef STOPS
        run Stopper()
#endif
    }
}
