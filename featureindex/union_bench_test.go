package featureindex

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"
)

// scatterMasked is scatter for the layout that docs/format.md weighs: only the
// union has lists, and a mask byte tells the views of a posting.
func scatterMasked(acc *[span]uint16, pieces []piece, masks [][]uint8, view uint8) {
	for i := range pieces {
		p := &pieces[i]
		impacts, mask, w := p.impacts[:len(p.docs)], masks[i][:len(p.docs)], uint32(p.weight)
		for j, d := range p.docs {
			acc[d] += (uint16(uint32(impacts[j])*w>>8) + 1) & -uint16(mask[j]>>view&1)
		}
	}
}

// BenchmarkUnion weighs the two layouts of four views: a list set for each view
// and the union, as built, against the union alone with masks. Sizes are those
// of the lists; times are of the scatter loop in Go over one query.
func BenchmarkUnion(b *testing.B) {
	for _, c := range []struct{ n, d, k int }{{50_000, 16384, 64}, {20_000, 8192, 256}} {
		b.Run(fmt.Sprintf("k%d_D%d", c.k, c.d), func(b *testing.B) {
			set := newBenchSet(b, c.n, c.d, c.k, 4)
			s := set.section
			stats := s.Stats()
			union := stats.Views["union"].Postings
			var acc [span]uint16
			pieces := func(l *lists, q Terms) (p []piece, masks [][]uint8) {
				for _, f := range q.Features {
					if slot := l.find(f); slot >= 0 {
						docs, impacts := l.list(slot)
						mask := make([]uint8, len(docs))
						for i := range mask {
							mask[i] = uint8(docs[i]*31 + docs[i]>>3)
						}
						p, masks = append(p, piece{docs, impacts, 1000}), append(masks, mask)
					}
				}
				return p, masks
			}
			var original, masked, all time.Duration
			for b.Loop() {
				for _, q := range set.queries {
					p, _ := pieces(&s.sets[0], q)
					start := time.Now()
					scatterGeneric(&acc, p)
					original += time.Since(start)
					p, masks := pieces(&s.sets[4], q)
					start = time.Now()
					scatterMasked(&acc, p, masks, 0)
					masked += time.Since(start)
					start = time.Now()
					scatterGeneric(&acc, p)
					all += time.Since(start)
				}
			}
			b.ReportMetric(float64(stats.Inverted)/float64(c.n), "lists-B/doc")
			b.ReportMetric(float64(4*union)/float64(c.n), "masked-B/doc")
			b.ReportMetric(float64(stats.Forward)/float64(c.n), "codes-B/doc")
			b.ReportMetric(float64(union)/float64(c.n), "union-postings/doc")
			per := float64(b.N*len(set.queries)) * 1e3
			b.ReportMetric(float64(original.Nanoseconds())/per, "original-µs")
			b.ReportMetric(float64(masked.Nanoseconds())/per, "masked-original-µs")
			b.ReportMetric(float64(all.Nanoseconds())/per, "union-µs")
			var dots [2]time.Duration
			for i, v := range []View{0, Union} {
				start := time.Now()
				for _, q := range set.queries {
					if _, err := s.Dot(context.Background(), v, q, Search{K: 10}); err != nil {
						b.Fatal(err)
					}
				}
				dots[i] = time.Since(start) / time.Duration(len(set.queries))
			}
			b.ReportMetric(float64(dots[0].Nanoseconds())/1e3, "dot-original-µs")
			b.ReportMetric(float64(dots[1].Nanoseconds())/1e3, "dot-union-µs")
			src := &mergeSource{inputs: []Input{{Section: s}}, n: s.n}
			for i, name := range []string{"view-lists-ms", "union-lists-ms"} {
				e := &encoder{src: src, o: &s.o, n: s.n, out: partWriter{w: io.Discard}}
				start := time.Now()
				e.lists([]int{0, 4}[i])
				b.ReportMetric(float64(time.Since(start).Milliseconds()), name)
			}
		})
	}
}
