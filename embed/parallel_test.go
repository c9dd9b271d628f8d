package embed

import (
	"sync/atomic"
	"testing"
)

func TestBlocksCoverEveryRowOnce(t *testing.T) {
	for threads := 1; threads <= 5; threads++ {
		for n := 1; n < 150; n++ {
			rows := make([]atomic.Int32, n)
			blocks(threads, n, func(lo, hi int) {
				if hi-lo > rowBlock {
					t.Errorf("a block of %d rows", hi-lo)
				}
				for i := lo; i < hi; i++ {
					rows[i].Add(1)
				}
			})
			for i := range rows {
				if got := rows[i].Load(); got != 1 {
					t.Fatalf("%d threads, %d rows: row %d was done %d times", threads, n, i, got)
				}
			}
		}
	}
}
