/*
 * The claim protocol of the portable engine, exclusive mode: PROCESSES processes want one lock, again and again for ever,
 * and each may be killed between any two steps, CRASHES times in all. Who was killed comes back as a new process. ABANDONS
 * times in all, somebody says of a claim that its owner is gone for good, be that true or not, and a process believes it: the
 * owner no longer has the lock then, and goes on all the same. Where nobody says so, an owner's release is one step: only for
 * ABANDONS is it split up, to keep the search small.
 *
 * A claim is a path that carries a token: the lock path, and for every token T the path of the break claim of T. Creating
 * one is a single step that fails when the path is taken (link(2), or rename(2) of a non-empty directory). Removing one
 * removes whatever lies there at that moment; that it is never anything else than was meant is what is proved.
 *
 * Passing the claim of a dead owner, with token T, at path P:
 *   1. create the break claim of T
 *   2. read P again: unless it still carries T, go to 4
 *   3. remove P
 *   4. remove the break claim of T
 *   5. start over
 * A break claim whose owner is dead is itself passed by these steps, with its own token. Who has the lock gives it back by these
 * steps as well, and tries again while somebody else breaks its claim. Its break claim is the lock's claim by another name, but
 * as the right to that name goes by another token, it is one of its own here. The numbers are those of
 * src/engine/portable/take-over.ts; the owner's way is src/engine/portable/own-right.ts; who meets the lock path, and
 * how, is src/engine/portable/gate.ts.
 *
 * A token is never used twice. To keep the model finite, a new token is one that is found nowhere: in no path, neither as
 * its content nor in its name, and in no process's memory. Nobody could tell such a token from a new one.
 */
#ifndef PROCESSES
#define PROCESSES 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef ABANDONS
#define ABANDONS 0
#endif
#ifndef EACH
/* Tokens a process can have about at one time; running out of them is an error of the model. */
#if ABANDONS > 0
#define EACH 6
#else
#define EACH 4
#endif
#endif
#define TOKENS (PROCESSES * EACH + 1)
#define NONE 0
#define LOCK 0 /* path 0 is the lock path, path T is the break claim of T */

byte path[TOKENS];
bool dead[TOKENS];
/* What each process remembers: its claim of the lock, its break claim, the dead token it found, and the path it is at. */
byte held[PROCESSES], breaking[PROCESSES], found[PROCESSES], at[PROCESSES];
byte crashes = CRASHES;
byte abandons = ABANDONS;
byte owners;
bool owns[PROCESSES];

#define lockIsDead (path[LOCK] != NONE && dead[path[LOCK]])
#define lockIsHeld (owners > 0)
#define breakIsDead (path[found[me]] != NONE && dead[path[found[me]]])

ltl passed { [] (lockIsDead -> <> !lockIsDead) }
ltl progress { []<> lockIsHeld }

/* Whether a token is the content of some path, or remembered by some process. */
inline look(token) {
    known = false;
    for (i : 0 .. TOKENS - 1) { known = known || path[i] == token }
    for (i : 0 .. PROCESSES - 1) {
        known = known || held[i] == token || breaking[i] == token || found[i] == token || at[i] == token
    }
    i = 0
}

/* The path, which is free, carries a new token from now on. */
inline create(where, token) {
    d_step {
        fresh = me * EACH + 1;
        do
        :: look(fresh);
            if
            :: known || path[fresh] != NONE -> fresh++
            :: else -> break
            fi
        od;
        assert(fresh <= (me + 1) * EACH);
        dead[fresh] = false;
        path[where] = fresh;
        token = fresh;
        fresh = NONE;
        known = false
    }
}

/* Begins anew, and drops what nobody can ever meet again: the facts of tokens that are nowhere, and their break claims. */
inline startOver() {
    owns[me] = false;
    believes = false;
    held[me] = NONE;
    breaking[me] = NONE;
    found[me] = NONE;
    at[me] = LOCK;
    d_step {
        for (fresh : 1 .. TOKENS - 1) {
            look(fresh);
            if
            :: !known -> dead[fresh] = false; path[fresh] = NONE
            :: else
            fi
        }
        fresh = NONE;
        known = false
    }
}

inline die() {
    crashes--;
    owners = owners - owns[me];
    dead[held[me]] = true;
    dead[breaking[me]] = true;
    dead[NONE] = false;
    startOver()
}

/* Whoever had the lock by the claim with this token has it no more. */
inline robOwner(token) {
    for (i : 0 .. PROCESSES - 1) {
        if
        :: owns[i] && held[i] == token -> owns[i] = false; owners--
        :: else
        fi
    }
    i = 0
}

#define OR_DIE :: atomic { crashes > 0 -> die() }; goto start

proctype Process(byte me) {
    byte i, fresh;
    bool known, believes;

start:
    if
    :: atomic { path[LOCK] == NONE -> create(LOCK, held[me]) }; goto own
#ifdef STAT_UNLINK
    :: atomic { lockIsDead -> found[me] = path[LOCK] }; goto remove
#elif defined(BREAKS_BY_AGE)
    :: atomic { path[LOCK] != NONE -> found[me] = path[LOCK] }; goto pass
#else
    :: atomic { lockIsDead -> found[me] = path[LOCK] }; goto pass
#endif
    :: atomic { abandons > 0 && path[LOCK] != NONE -> abandons--; believes = true; found[me] = path[LOCK] }; goto pass
    OR_DIE
    fi;

own:
    if
    :: atomic {
        if
        :: path[LOCK] == held[me] -> owns[me] = true; owners++; assert(owners == 1)
        :: else /* it was broken before it was granted, and the owner looks */
        fi
    }
    OR_DIE
    fi;
#if ABANDONS == 0
    if
    :: atomic { owners--; assert(path[LOCK] == held[me]); path[LOCK] = NONE; startOver() }; goto start
    OR_DIE
    fi;
#endif
    if
    :: atomic { owners = owners - owns[me]; owns[me] = false; found[me] = held[me]; at[me] = LOCK }
    OR_DIE
    fi;
#ifdef OWNER_LOOKS
    if
    :: path[LOCK] == held[me] -> goto remove
    :: atomic { path[LOCK] != held[me] -> startOver() }; goto start
    OR_DIE
    fi;
#endif

pass: /* step 1, for the dead token found[me] at path at[me] */
    if
    :: atomic { path[found[me]] == NONE -> create(found[me], breaking[me]) }; goto again
    :: path[found[me]] != NONE -> goto taken
    OR_DIE
    fi;

taken: /* somebody else breaks it, or died while breaking it */
    if
#ifndef NO_SECOND_BREAK
    :: atomic { breakIsDead -> at[me] = found[me]; found[me] = path[at[me]] };
#ifdef UNGUARDED_SECOND_BREAK
        goto remove
#else
        goto pass
#endif
#endif
    :: atomic { !breakIsDead && held[me] == NONE -> startOver() }; goto start
    :: atomic { path[found[me]] == NONE && held[me] != NONE }; goto pass /* an owner tries again */
    OR_DIE
    fi;

again: /* step 2 */
#ifdef NO_SECOND_READ
    goto remove;
#endif
    if
    :: path[at[me]] != found[me] -> goto finish
    :: path[at[me]] == found[me] -> goto remove
    OR_DIE
    fi;

remove: /* step 3 */
#ifdef BREAK_CLAIM_FIRST
    atomic { path[found[me]] = NONE; breaking[me] = NONE };
#endif
    if
    :: atomic { assert(path[at[me]] == found[me]); if :: believes -> robOwner(found[me]) :: else fi; path[at[me]] = NONE }
    OR_DIE
    fi;
#if defined(STAT_UNLINK) || defined(UNGUARDED_SECOND_BREAK) || defined(BREAK_CLAIM_FIRST)
    if
    :: atomic { breaking[me] == NONE -> startOver() }; goto start
    :: breaking[me] != NONE
    fi;
#endif

finish: /* step 4, then step 5 */
    if
    :: atomic {
        assert(path[found[me]] == breaking[me]);
        path[found[me]] = NONE;
        if
        :: held[me] != NONE && path[LOCK] == held[me] -> breaking[me] = NONE; found[me] = held[me]; at[me] = LOCK
        :: else -> startOver()
        fi
    };
        if
        :: held[me] != NONE -> goto pass /* an owner passed a dead breaker of its own claim first */
        :: held[me] == NONE -> goto start
        fi
    OR_DIE
    fi
}

init {
    byte n;
    atomic {
        for (n : 0 .. PROCESSES - 1) { run Process(n) }
    }
}
