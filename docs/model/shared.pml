/*
 * The shared mode of the portable engine: PROCESSES processes read or write, again and again for ever, and each may be
 * killed between any two steps, CRASHES times in all. Who was killed comes back as a new process.
 *
 * The gate is the claim on the lock path. That one process at most has it, and that a dead one's is passed, is proved in
 * claim.pml; here taking it is one step. Reader claims lie beside it, under names that are never used twice.
 *
 * Reading:  R1. take the gate  R2. publish a reader claim  R3. give the gate back   … read …  remove the reader claim
 * Writing:  take the gate; remove reader claims whose owner is dead; wait until the directory of the reader claims can be
 *           removed, which is granted only while it is empty   … write …  give the gate back
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
#define NOBODY 255

byte gate = NOBODY;
bool gateIsDead;
bool reads[PROCESSES];      /* has left a reader claim */
byte claims;                /* how many have */
byte deadReaders;           /* reader claims that nobody owns any more */
byte readers, writers;      /* those who believe that they hold the lock */
bool waits[PROCESSES];      /* a writer that has the gate and waits for readers */
byte crashes = CRASHES;

#define gateIsFree (gate == NOBODY || gateIsDead)
#define noReaderClaim (deadReaders == 0 && claims == 0)
#define firstWaits (waits[0])

ltl entered { [] (firstWaits -> <> !firstWaits) }

inline takeGate() { gateIsFree -> gate = me; gateIsDead = false }
inline giveGate() { assert(gate == me && !gateIsDead); gate = NOBODY }

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
    readers = readers - reading;
    writers = writers - writing;
    reading = false;
    writing = false
}

#define OR_DIE :: atomic { crashes > 0 -> die() }; goto start

proctype Process(byte me) {
    bool reading, writing;

start:
    if
    :: goto reader
    :: goto writer
    fi;

reader:
    if
    :: atomic { takeGate() }
    OR_DIE
    fi;
#ifndef CLAIM_LATE
    if
    :: atomic { reads[me] = true; claims++ }
    OR_DIE
    fi;
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
    if
    :: atomic { reading = true; readers++; assert(writers == 0) }
    OR_DIE
    fi;
    if
    :: atomic { reading = false; readers--; reads[me] = false; claims-- }; goto start
    OR_DIE
    fi;

writer:
#ifdef LOOKS_FIRST
    noReaderClaim;
#endif
    if
    :: atomic { takeGate(); waits[me] = true }
    OR_DIE
    fi;
#ifndef LOOKS_FIRST
    do
    :: noReaderClaim -> break
#ifdef BELIEVES_LISTINGS
    :: true -> break /* the listing was an old one */
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
    fi
}

init {
    byte n;
    atomic {
        for (n : 0 .. PROCESSES - 1) { run Process(n) }
    }
}
