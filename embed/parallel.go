package embed

import (
	"sync"
	"sync/atomic"
)

// parallel calls do for every number from 0 to n-1, on up to threads
// goroutines, and returns when all calls have.
func parallel(threads, n int, do func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			do(int(i))
		}
	}
	var wg sync.WaitGroup
	for range min(threads, n) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// blocks calls do for consecutive ranges that make up the rows 0 to n: of up to
// rowBlock rows, as many for each thread.
func blocks(threads, n int, do func(lo, hi int)) {
	each := (n + threads - 1) / threads
	count := (each + rowBlock - 1) / rowBlock
	size := (each + count - 1) / count
	parallel(threads, (n+size-1)/size, func(i int) {
		do(i*size, min((i+1)*size, n))
	})
}
