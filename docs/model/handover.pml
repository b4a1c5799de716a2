/*
 * A lock path on its way from the portable engine to the kernel's: PROCESSES contenders of the portable engine without a
 * binding, one of which shares, one program H that has the binding and passes the path on, and one K of the kernel
 * engine. A person may break H's claim by hand once, at any moment. Steps are those of src/engine/portable/pass-on.ts.
 */
#define NOTHING 0
#define FILE 9 /* the kernel's lock file; any other number is the claim of that process */
#define H 3

byte path = NOTHING;
byte right = NOTHING; /* who owns break.H */
byte readers, owners, sharing;
bool kernelHeld, broken;

#define GRANT owners++; assert(owners == 1 && sharing == 0)

proctype Portable(byte me) {
    do
    :: atomic { path == NOTHING -> path = me };
        readers == 0;
        if
        :: atomic { path == me -> GRANT };
            atomic { owners--; if :: path == me -> path = NOTHING :: else fi }
        :: path != me
        fi
    :: path == FILE -> break
    od
}

proctype Reader(byte me) {
    if
    :: atomic { path == NOTHING -> path = me };
        atomic { readers++ };
        atomic { path = NOTHING; sharing++; assert(owners == 0) };
        atomic { sharing--; readers-- }
    :: path == FILE
    fi
}

proctype Heir() {
    byte seen;
start:
    if
    :: atomic { path == NOTHING -> path = H }
    :: path == FILE -> goto done
    fi;
#ifndef IGNORES_READERS
    readers == 0; /* nobody shares, and with the gate nobody comes */
#endif
#ifndef WITHOUT_RIGHT
    atomic { right == NOTHING -> right = H };
#endif
    if
    :: path != H -> goto back
    :: path == H
    fi;
#ifdef FREES_FIRST
    path = NOTHING;
#endif
    path = FILE; /* step 3: rename */
back:
    atomic { if :: right == H -> right = NOTHING :: else fi };
    if
    :: path == FILE
    :: path != FILE -> goto start
    fi;
done:
    skip
}

proctype Kernel() {
    path == FILE;
    atomic { !kernelHeld -> kernelHeld = true; GRANT };
    atomic { kernelHeld = false; owners-- }
}

proctype Person() {
    if
    :: atomic { path == H && right == NOTHING -> right = 8 };
        atomic { if :: path == H -> path = NOTHING :: else fi };
        right = NOTHING
    :: path == FILE
    fi
}

init {
    atomic { run Portable(1); run Reader(2); run Heir(); run Kernel(); run Person() }
}
