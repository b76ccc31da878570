package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is the CPU time used so far.
type usage struct{ server, postgres, load time.Duration }

func (f *fleet) usage() usage {
	return usage{cpuOfAll(f.o.pids), cpuOf(f.o.pgPid, true), cpuOf(os.Getpid(), false)}
}

func (u usage) since(v usage) usage {
	return usage{u.server - v.server, u.postgres - v.postgres, u.load - v.load}
}

// residentOf is the memory of some processes in bytes; of one that is not known it is 0.
func residentOf(pids []int) (total int64) {
	for _, pid := range pids {
		if f := stat(pid); len(f) >= 22 {
			pages, _ := strconv.ParseInt(f[21], 10, 64)
			total += pages * int64(os.Getpagesize())
		}
	}
	return total
}

func cpuOfAll(pids []int) (total time.Duration) {
	for _, pid := range pids {
		total += cpuOf(pid, false)
	}
	return total
}

// clockTick is the unit of the CPU times in /proc, 100 a second on every Linux Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf is the CPU time a process has used, with its children's when asked; 0 when it is not known.
func cpuOf(pid int, children bool) time.Duration {
	if pid == 0 {
		return 0
	}
	total := statTime(pid)
	if children {
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			if child, err := strconv.Atoi(e.Name()); err == nil && parentOf(child) == pid {
				total += statTime(child)
			}
		}
	}
	return total
}

func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name before it may hold spaces
	return strings.Fields(rest)
}

func statTime(pid int) time.Duration {
	f := stat(pid)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * clockTick
}

func parentOf(pid int) int {
	f := stat(pid)
	if len(f) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(f[1])
	return parent
}
