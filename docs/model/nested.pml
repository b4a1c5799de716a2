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
 *
 * With UPGRADES, whoever takes the lock, or the nested one, may share it as well, and a contender that shares it may upgrade,
 * by the steps of src/engine/kernel/upgrade.ts. The ticket that keeps newcomers out of a conversion is not in the model:
 * whoever comes between makes the upgrader lose its lock. Nobody upgrades a nested lock, for commands do not.
 *
 * With READ_ONLY, contenders cannot write to the lock file. They keep the nested lock instead, in their own mode, until they
 * give the lock back, and upgrade it, too.
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

byte lock = NOBODY;         /* who has the lock alone, and the nested lock */
byte nested = NOBODY;
byte sharers, nestedSharers; /* how many share them */
byte record = FREE;         /* whom the block names */
byte admission = NONE;      /* the byte behind it */
bool isStarted;             /* the command of the outer holder runs */
byte inside, alone;         /* those who believe that they hold the lock alone, with the outer holder or without */
byte insideTogether, together; /* and that they share it */
byte crashes = CRASHES;

#define IS_FREE (lock == NOBODY && sharers == 0)
#define IS_NESTED_FREE (nested == NOBODY && nestedSharers == 0)

inline leave() {
    inside = inside - isInside;
    alone = alone - isAlone;
    insideTogether = insideTogether - isInsideTogether;
    together = together - isTogether;
    d_step { isInside = false; isAlone = false; isInsideTogether = false; isTogether = false }
}

inline unlock() {
    if :: lock == me -> lock = NOBODY :: else fi;
    sharers = sharers - shares;
    shares = false
}

inline unlockNested() {
    if :: nested == me -> nested = NOBODY :: else fi;
    nestedSharers = nestedSharers - sharesNested;
    sharesNested = false
}

inline die() {
    crashes--;
    leave();
    unlock();
    unlockNested()
}

#define OR_DIE :: atomic { crashes > 0 -> die() }; goto dead

inline enterAlone() {
    alone++;
    isAlone = true;
    assert(alone == 1 && together == 0 && inside == 0 && insideTogether == 0)
}

inline enterTogether() {
    together++;
    isTogether = true;
    assert(alone == 0 && inside == 0)
}

inline enterInside() {
    if
    :: sharesNested -> insideTogether++; isInsideTogether = true; assert(inside == 0 && alone == 0)
    :: else ->
        inside++;
        isInside = true;
        assert(inside == 1 && insideTogether == 0 && alone == 0 && together == 0)
    fi
}

inline choose() {
#ifdef UPGRADES
    if :: isWriter = true :: isWriter = false fi
#else
    isWriter = true
#endif
}

inline contend() {
    atomic { seen = NONE; choose() };
    if /* i */
    :: atomic { isWriter && IS_FREE -> lock = me; seen = admission }
    :: atomic { !isWriter && lock == NOBODY -> sharers++; shares = true; seen = admission }
    OR_DIE
    fi;
    if
    :: isWriter -> goto mine
    :: !isWriter && seen != NONE ->
#ifndef READ_ONLY
        if
        :: admission = CLOSED /* ii */
        OR_DIE
        fi;
#endif
        if
        :: atomic { nested != NOBODY -> unlock() }; goto next /* iii */
#ifdef READ_ONLY
        :: atomic { nested == NOBODY -> nestedSharers++; sharesNested = true }
#else
        :: nested == NOBODY
#endif
        OR_DIE
        fi;
#ifdef SHARERS_OPEN
        admission = NONE
#endif
    :: else
    fi;
    atomic { enterTogether() };
sharing:
    if
    :: atomic { leave(); unlock() }; atomic { unlockNested() }; goto next
    :: atomic { sharers == 1 -> leave(); unlock() } /* what it shares is dropped before it tries for the other */
    OR_DIE
    fi;
    if
    :: atomic { IS_FREE -> lock = me; seen = admission }
    :: atomic { lock == NOBODY && sharers > 0 -> sharers++; shares = true; enterTogether() }; goto sharing
    :: atomic { lock != NOBODY -> unlockNested() }; goto next /* lost */
    OR_DIE
    fi;
mine:
#ifdef UPGRADES_PAST_NESTED
    if
    :: isWriter
    :: else -> goto passed
    fi;
#endif
    if
    :: seen != NONE ->
#ifdef CLOSES_LATE
        if
        :: !IS_NESTED_FREE -> goto kept
        :: IS_NESTED_FREE
        fi;
        admission = CLOSED;
#else
#ifndef READ_ONLY
#ifndef LEAVES_OPEN
        if
        :: admission = CLOSED /* ii */
        OR_DIE
        fi;
#endif
#endif
#ifdef READ_ONLY
        if /* also where it shares that one already */
        :: atomic { nested == NOBODY && nestedSharers == sharesNested -> unlockNested(); nested = me }
        :: atomic { nested != NOBODY || nestedSharers != sharesNested }; goto kept
        :: atomic { sharesNested -> unlockNested() }; goto converting
        OR_DIE
        fi;
        goto passed;
converting: /* the nested lock that it shared is dropped as well before it tries for the other */
        if
        :: atomic { IS_NESTED_FREE -> nested = me }
        :: atomic { nested == NOBODY && nestedSharers > 0 -> nestedSharers++; sharesNested = true }; goto kept
        :: atomic { nested != NOBODY -> unlock() }; goto next /* lost */
        OR_DIE
        fi;
#else
        if
        :: !IS_NESTED_FREE -> goto kept /* iii */
        :: IS_NESTED_FREE
        OR_DIE
        fi;
#endif
#endif
#ifndef READ_ONLY
        if
        :: admission = NONE /* iv */
        OR_DIE
        fi
#endif
    :: else
    fi;
    goto passed;
kept: /* by a nested holder at work */
    if
    :: atomic { isWriter -> unlock() }; goto next
    :: atomic { !isWriter -> lock = NOBODY; sharers++; shares = true; enterTogether() }; goto sharing
    OR_DIE
    fi;
passed:
#ifdef LETS_GO
    atomic { unlockNested() };
#endif
#ifndef READ_ONLY
    if
    :: record = me
    OR_DIE
    fi;
#endif
    atomic { enterAlone() };
    if
    :: atomic { leave() }
    OR_DIE
    fi;
#ifndef READ_ONLY
    if
    :: record = FREE
    OR_DIE
    fi;
#endif
    atomic { unlock() };
    if
    :: atomic { unlockNested() }
    OR_DIE
    fi;
    goto next
}

active proctype Outer() {
    byte me = OUTER;
    bool isInside, isAlone, isInsideTogether, isTogether, shares, sharesNested, isNestedFree;

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
    isNestedFree = IS_NESTED_FREE;
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
    :: isNestedFree = IS_NESTED_FREE /* 4 */
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
    bool isInside, isAlone, isInsideTogether, isTogether, shares, sharesNested, isWriter, isOuters;
    byte seen;

end:
    isStarted;
again:
#ifdef LOOKS_AT_OUTER_FIRST
    isOuters = (record == OUTER && admission == OPEN);
#endif
    atomic { choose() };
    if /* a */
    :: atomic { isWriter && IS_NESTED_FREE -> nested = me }
    :: atomic { !isWriter && nested == NOBODY -> nestedSharers++; sharesNested = true }
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
        atomic { enterInside() };
        if
        :: atomic { leave(); unlockNested() }
        OR_DIE
        fi;
        goto again
    :: else -> atomic { unlockNested() }
    fi;
next:
    contend();
dead:
    skip
}

proctype Contender(byte me) {
    bool isInside, isAlone, isInsideTogether, isTogether, shares, sharesNested, isWriter;
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
