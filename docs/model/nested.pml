/*
 * Locks that are taken inside of each other, under the kernel's lock: one outer holder, NESTED processes that were started
 * under it, and CONTENDERS others, who want the lock again and again for ever. Each of them may be killed between any two
 * steps, CRASHES times in all; the kernel then drops what locks it had.
 *
 * A nested process that finds the outer hold over becomes one of the contenders.
 *
 * The steps are those of src/engine/kernel/nested.ts: 1 to 5 of the outer holder, a and b of the nested ones, i to iv of
 * whoever comes next. Two nested processes, or two contenders, never hold at once, nor one of each. The outer holder does
 * nothing under its lock but wait for its command, so it counts for nobody's company.
 *
 * With PERMIT, the lock is the slot of a permit, which its holder closes, and removes, in place of clearing its record:
 * 3' to 5'. The lock that they share besides is an ordinary one, and not in the model.
 */
#ifndef NESTED
#define NESTED 2
#endif
#ifndef CONTENDERS
#define CONTENDERS 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#define NOBODY 255
#define OUTER 0
#define FREE 254

#define NONE 0
#define OPEN 1
#define CLOSED 2

byte lock = NOBODY;         /* who has the lock, and the nested lock */
byte nested = NOBODY;
byte record = FREE;         /* whom the block names */
byte admission = NONE;      /* the byte behind it */
bool isStarted;             /* the command of the outer holder runs */
byte inside, alone;         /* those who believe that they hold the lock, with the outer holder or without */
byte crashes = CRASHES;

inline die() {
    crashes--;
    if :: lock == me -> lock = NOBODY :: else fi;
    if :: nested == me -> nested = NOBODY :: else fi;
    inside = inside - isInside;
    alone = alone - isAlone;
    isInside = false;
    isAlone = false
}

#define OR_DIE :: atomic { crashes > 0 -> die() }; goto dead

inline contend() {
    if
    :: atomic { lock == NOBODY -> lock = me; seen = admission } /* i */
    OR_DIE
    fi;
    if
    :: seen != NONE ->
#ifdef CLOSES_LATE
        if
        :: atomic { nested != NOBODY -> lock = NOBODY }; goto next
        :: nested == NOBODY
        fi;
        admission = CLOSED;
#else
#ifndef LEAVES_OPEN
        if
        :: admission = CLOSED /* ii */
        OR_DIE
        fi;
#endif
        if
        :: atomic { nested != NOBODY -> lock = NOBODY }; goto next /* iii */
        :: nested == NOBODY
        OR_DIE
        fi;
#endif
        if
        :: admission = NONE /* iv */
        OR_DIE
        fi
    :: else
    fi;
    if
    :: record = me
    OR_DIE
    fi;
    atomic { alone++; isAlone = true; assert(alone == 1 && inside == 0) };
    if
    :: atomic { alone--; isAlone = false }
    OR_DIE
    fi;
    if
    :: record = FREE
    OR_DIE
    fi;
    lock = NOBODY;
    goto next
}

active proctype Outer() {
    byte me = OUTER;
    bool isInside, isAlone, isNestedFree;

    lock = me; /* 1 */
    if
    :: record = me
    OR_DIE
    fi;
    if
    :: admission = OPEN /* 2 */
    OR_DIE
    fi;
    isStarted = true;
#ifdef LOOKS_FIRST
    isNestedFree = (nested == NOBODY);
#endif
#ifdef PERMIT
    if
    :: admission = CLOSED /* 3' */
    OR_DIE
    fi;
#else
    if
    :: record = FREE /* 3 */
    OR_DIE
    fi;
#endif
#ifndef LOOKS_FIRST
    if
    :: isNestedFree = (nested == NOBODY) /* 4 */
    OR_DIE
    fi;
#endif
    if
    :: admission = (isNestedFree -> NONE : CLOSED)
    OR_DIE
    fi;
#ifdef PERMIT
    if
    :: atomic { isNestedFree -> record = FREE; lock = NOBODY }; goto dead /* removed: the next slot is a new one */
    :: !isNestedFree
    OR_DIE
    fi;
#endif
    lock = NOBODY; /* 5 */
dead:
    skip
}

proctype Nested(byte me) {
    bool isInside, isAlone, isOuters;
    byte seen;

end:
    isStarted;
again:
#ifdef LOOKS_AT_OUTER_FIRST
    isOuters = (record == OUTER && admission == OPEN);
#endif
    if
    :: atomic { nested == NOBODY -> nested = me } /* a */
    OR_DIE
    fi;
#ifndef LOOKS_AT_OUTER_FIRST
    if /* b: one call reads both, and nothing says which first */
    :: isOuters = (record == OUTER); isOuters = (isOuters && admission == OPEN)
    :: isOuters = (admission == OPEN); isOuters = (isOuters && record == OUTER)
    OR_DIE
    fi;
#endif
    if
    :: isOuters ->
        atomic { inside++; isInside = true; assert(inside == 1 && alone == 0) };
        if
        :: atomic { inside--; isInside = false; nested = NOBODY }
        OR_DIE
        fi;
        goto again
    :: else -> nested = NOBODY
    fi;
next:
    contend();
dead:
    skip
}

proctype Contender(byte me) {
    bool isInside, isAlone;
    byte seen;

end:
    lock != NOBODY || isStarted; /* the outer holder was first */
next:
    contend();
dead:
    skip
}

init {
    byte each = 1;
    atomic {
        do
        :: each <= NESTED -> run Nested(each); each++
        :: each > NESTED && each <= NESTED + CONTENDERS -> run Contender(each); each++
        :: else -> break
        od
    }
}
