package featureindex

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/steersight/steersight/internal/npy"
)

func readNpyF(t testing.TB, path string) []float32 {
	f, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := make([]float32, f.Rows())
	if err := f.Read(0, f.Rows(), out); err != nil {
		t.Fatal(err)
	}
	return out
}
func readNpyI(t testing.TB, path string) []uint32 {
	f, err := npy.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := make([]uint32, f.Rows())
	buf := make([]int64, 1<<20)
	for at := 0; at < len(out); at += len(buf) {
		n := min(len(buf), len(out)-at)
		if err := f.ReadInts(at, at+n, buf[:n]); err != nil {
			t.Fatal(err)
		}
		for i, x := range buf[:n] {
			out[at+i] = uint32(x)
		}
	}
	return out
}

func p50(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }

func TestLimit(t *testing.T) {
	dir := os.Getenv("CODES")
	if dir == "" {
		t.Skip()
	}
	threads, _ := strconv.Atoi(os.Getenv("TH"))
	cache := dir + "/section.bin"
	data, err := os.ReadFile(cache)
	if err != nil || os.Getenv("REBUILD") != "" {
		F, A := readNpyI(t, dir+"/feats.npy"), readNpyF(t, dir+"/acts.npy")
		n := len(F) / 64
		t0 := time.Now()
		b, _ := NewBuilder(Options{Features: 16384, Views: []string{"original"}})
		for i := range n {
			if err := b.Add(Document{Views: []Code{{F[i*64 : i*64+64], A[i*64 : i*64+64]}}}); err != nil {
				t.Fatal(err)
			}
		}
		t1 := time.Now()
		var out bytes.Buffer
		b.WriteTo(&out)
		t2 := time.Now()
		data = out.Bytes()
		fmt.Printf("add %v write %v: %.0f docs/s, %d bytes\n", t1.Sub(t0), t2.Sub(t1), float64(n)/t2.Sub(t0).Seconds(), len(data))
		os.WriteFile(cache, data, 0o644)
		F, A, b = nil, nil, nil
		runtime.GC()
	}
	t0 := time.Now()
	s, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("open %v n %d bytes %d\n", time.Since(t0), s.Len(), len(data))
	QF, QA := readNpyI(t, dir+"/q_feats.npy"), readNpyF(t, dir+"/q_acts.npy")
	ctx := context.Background()
	const nq, reps = 200, 5
	run := func(name string, f func(qf []uint32, qa []float32)) {
		mins, meds := []float64{}, []float64{}
		lat := make([][]float64, nq)
		for r := range reps + 1 {
			for q := range nq {
				a := time.Now()
				f(QF[q*64:q*64+64], QA[q*64:q*64+64])
				if r > 0 {
					lat[q] = append(lat[q], float64(time.Since(a).Nanoseconds())/1e6)
				}
			}
		}
		for _, l := range lat {
			meds = append(meds, p50(l))
			mins = append(mins, l[0])
		}
		fmt.Printf("%-14s minp50 %.4f medp50 %.4f\n", name, p50(mins), p50(meds))
	}
	for _, th := range []int{1, 2} {
		if threads > 0 && th != threads {
			continue
		}
		for _, k := range []int{10, 100} {
			run(fmt.Sprintf("dot k%d t%d", k, th), func(qf []uint32, qa []float32) {
				s.Dot(ctx, 0, Terms{qf, qa}, Search{K: k, Threads: th})
			})
		}
		run(fmt.Sprintf("overlap t%d", th), func(qf []uint32, qa []float32) { s.Overlap(ctx, 0, qf, 1, Search{K: 10, Threads: th}) })
	}
	if os.Getenv("EXTRA") != "" {
		half := randomEvery(s.n, 10)
		for range 5 {
			a := time.Now()
			s.Facets(ctx, 0, half)
			fmt.Println("facets of n/10:", time.Since(a))
		}
	}
}
