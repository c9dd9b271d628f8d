package bench

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// statusBytes returns a line of /proc/self/status, which counts in kB, in
// bytes: 0 where there is none.
func statusBytes(name string) int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if key != name {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return 0
		}
		return n << 10
	}
	return 0
}

// peakResident returns the most memory that the process ever had resident,
// mapped files included.
func peakResident() int64 { return statusBytes("VmHWM") }

// watchAnonymous watches the process's own memory, mapped files left out, until
// the function returned is called, which returns the most there was.
func watchAnonymous() (stop func() int64) {
	const every = 5 * time.Millisecond
	done, most := make(chan struct{}), statusBytes("RssAnon")
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				most = max(most, statusBytes("RssAnon"))
			}
		}
	})
	return func() int64 {
		close(done)
		group.Wait()
		return most
	}
}
