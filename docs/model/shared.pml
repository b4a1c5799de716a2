/*
 * The shared mode of the portable engine: PROCESSES processes read or write, again and again for ever, and each may be
 * killed between any two steps, CRASHES times in all. Who was killed comes back as a new process. STOPS of them, in all, may
 * be stopped for good, where they hold nothing: in the line, or as a reader at the gate.
 *
 * The gate is the claim on the lock path. That one process at most has it, and that a dead one's is passed, is proved in
 * claim.pml; here taking it is one step, as is removing it. Reader claims lie beside it, under names that are never used
 * twice. A reader's gate may be removed at any time, whether the reader is stopped or not: it has to find that out. Where
 * it is the stops that matter (STOPS above 0), only that of a reader that is stopped is removed.
 *
 * Reading:  R1. take the gate  R2. publish a reader claim  R3. see the gate still there, else remove the reader claim
 *           R4. give the gate back   … read …  remove the reader claim
 * Writing:  take the gate; remove reader claims whose owner is dead; remove the directory of the reader claims, which is
 *           granted only while it is empty   … write …  give the gate back. Where it is not granted, give the gate back at
 *           once, and come again later.
 * The line: readers let writers go first that wait and are not stopped, and writers those of a lower number. It is looked
 * at, and no more than that: whoever has looked goes on.
 *
 * The steps are those of src/engine/portable/readers.ts. Removing a dead reader claim, by the right to do so, is one step
 * here, as it was proved there too.
 */
#ifndef PROCESSES
#define PROCESSES 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef STOPS
#define STOPS 0
#endif
#define NOBODY 255

byte gate = NOBODY;
bool gateIsDead;
bool atGate[PROCESSES];     /* has come to the gate as a reader, and may be stopped there */
bool reads[PROCESSES];      /* has left a reader claim */
byte claims;                /* how many have */
byte deadReaders;           /* reader claims that nobody owns any more */
byte readers, writers;      /* those who believe that they hold the lock */
bool waits[PROCESSES];      /* a writer that waits in line, and is not stopped */
byte crashes = CRASHES;
byte stops = STOPS;
#if STOPS > 0
bool isStopped[PROCESSES];
#endif

#define gateIsFree (gate == NOBODY || gateIsDead)
#if STOPS > 0
#define mayBePassed (gate != NOBODY && !gateIsDead && atGate[gate] && isStopped[gate])
#else
#define mayBePassed (gate != NOBODY && !gateIsDead && atGate[gate] && gate != me)
#endif
#define noReaderClaim (deadReaders == 0 && claims == 0)
#define firstWaits (waits[0])
#define isHeld (readers + writers > 0)

ltl entered { [] (firstWaits -> <> !firstWaits) }
ltl progress { []<> isHeld }

inline takeGate() { gateIsFree -> gate = me; gateIsDead = false }
inline giveGate() {
    if
    :: gate == me && !gateIsDead -> gate = NOBODY
    :: else /* it was removed */
    fi;
    atGate[me] = false
}

inline die() {
    crashes--;
    if
    :: gate == me && !gateIsDead -> gateIsDead = true
    :: else
    fi;
    deadReaders = deadReaders + reads[me];
    claims = claims - reads[me];
    reads[me] = false;
    waits[me] = false;
    atGate[me] = false;
    readers = readers - reading;
    writers = writers - writing;
    reading = false;
    writing = false
}

#define OR_DIE :: atomic { crashes > 0 -> die() }; goto start
#if STOPS > 0
#define OR_STOP :: atomic { stops > 0 -> stops--; isStopped[me] = true; waits[me] = false }; goto stopped
#else
#define OR_STOP
#endif
#ifdef KEEPS_STOPPED_READERS
#define OR_PASS
#else
#define OR_PASS :: atomic { mayBePassed -> gate = NOBODY }
#endif

/* Who stands before this process in the line. */
inline lookAtLine() {
    d_step {
        behind = false;
        for (i : 0 .. PROCESSES - 1) { behind = behind || (waits[i] && (!waits[me] || i < me)) }
        i = 0
    }
}

proctype Process(byte me) {
    bool reading, writing, behind;
    byte i;

start:
    if
    :: goto reader
    :: atomic { waits[me] = true }; goto writer
    fi;

reader:
#ifndef IGNORES_LINE
    do
    :: atomic { lookAtLine(); if :: !behind -> break :: else fi }
    OR_STOP
    OR_DIE
    od;
#endif
    do
    :: atomic { takeGate(); atGate[me] = true }; break
    OR_PASS
    OR_STOP
    OR_DIE
    od;
#ifndef CLAIM_LATE
    if
    :: atomic { reads[me] = true; claims++ }
    OR_STOP
    OR_DIE
    fi;
#ifndef NO_LOOK_AT_GATE
    if
    :: atomic { gate == me && !gateIsDead -> atGate[me] = false; reading = true; readers++; assert(writers == 0) }
    :: atomic { gate != me || gateIsDead -> atGate[me] = false; reads[me] = false; claims-- }; goto start
    OR_DIE
    fi;
#endif
#endif
    if
    :: atomic { giveGate() }
    OR_DIE
    fi;
#ifdef CLAIM_LATE
    if
    :: atomic { reads[me] = true; claims++ }
    OR_DIE
    fi;
#endif
#if defined(CLAIM_LATE) || defined(NO_LOOK_AT_GATE)
    if
    :: atomic { reading = true; readers++; assert(writers == 0) }
    OR_DIE
    fi;
#endif
    if
    :: atomic { reading = false; readers--; reads[me] = false; claims-- }; goto start
    OR_DIE
    fi;

writer:
    do
    :: atomic { lookAtLine(); if :: !behind -> break :: else fi }
    OR_STOP
    OR_DIE
    od;
    do
    :: claims == 0 -> break
    :: atomic { deadReaders > 0 -> deadReaders-- }
    :: true -> break /* the listing was an old one */
    OR_STOP
    OR_DIE
    od;
#ifdef LOOKS_FIRST
    noReaderClaim;
#endif
    do
    :: atomic { takeGate() }; break
    OR_PASS
    OR_STOP
    OR_DIE
    od;
#ifndef LOOKS_FIRST
    do
    :: noReaderClaim -> break
#ifdef BELIEVES_LISTINGS
    :: true -> break /* the listing was an old one */
#endif
#ifdef KEEPS_GATE
    OR_STOP
#else
    :: atomic { claims > 0 -> giveGate() }; goto writer
#endif
#ifndef KEEPS_DEAD_READERS
    :: atomic { deadReaders > 0 -> deadReaders-- }
#endif
    OR_DIE
    od;
#endif
    if
    :: atomic { waits[me] = false; writing = true; writers++; assert(writers == 1 && readers == 0) }
    OR_DIE
    fi;
    if
    :: atomic { writing = false; writers--; giveGate() }; goto start
    OR_DIE
    fi;
#if STOPS > 0
stopped:
    false
#endif
}

init {
    byte n;
    atomic {
        for (n : 0 .. PROCESSES - 1) { run Process(n) }
    }
}
