//go:build amd64 && !purego

#include "textflag.h"

// A piece: docs at 0 (length at 8), impacts at 24, weight at 48, 56 bytes.
#define PIECE 56

DATA ones<>+0(SB)/4, $0x00010001
GLOBL ones<>(SB), RODATA|NOPTR, $4

// func cpuid(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	MOVL DX, d+20(FP)
	RET

// func xgetbv() uint32
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, ret+0(FP)
	RET

// func prefetch(p unsafe.Pointer, n uintptr)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	ADDQ SI, CX
	ANDQ $-64, SI
line:
	PREFETCHT0 (SI)
	ADDQ $64, SI
	CMPQ SI, CX
	JB   line
	RET

// AHEAD fetches the first lines of the piece four further on, in AX.
#define AHEAD \
	LEAQ (4*PIECE)(R8), AX \
	CMPQ AX, R9            \
	JAE  fetched           \
	MOVQ 0(AX), BX         \
	PREFETCHT0 (BX)        \
	PREFETCHT0 64(BX)      \
	MOVQ 24(AX), BX        \
	PREFETCHT0 (BX)        \

// func scatterAVX2(acc *[span]uint16, pieces []piece)
TEXT ·scatterAVX2(SB), NOSPLIT, $0-32
	MOVQ acc+0(FP), DI
	MOVQ pieces_base+8(FP), R8
	MOVQ pieces_len+16(FP), R9
	IMULQ $PIECE, R9
	ADDQ R8, R9
	VPBROADCASTD ones<>(SB), Y3
next:
	AHEAD
fetched:
	MOVQ 0(R8), SI
	MOVQ 8(R8), CX
	MOVQ 24(R8), DX
	MOVQ 48(R8), R10
	VMOVD R10, X2
	VPBROADCASTW X2, Y2
	SUBQ $16, CX
	JL   rest
sixteen:
	VPMOVZXBW (DX), Y0
	VPSLLW $8, Y0, Y0
	VPMULHUW Y2, Y0, Y0
	VPADDW Y3, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VMOVQ X0, BX
	VPEXTRQ $1, X0, R10
	MOVWLZX 0(SI), AX
	ADDW BX, (DI)(AX*2)
	SHRQ $16, BX
	MOVWLZX 2(SI), R11
	ADDW BX, (DI)(R11*2)
	SHRQ $16, BX
	MOVWLZX 4(SI), R12
	ADDW BX, (DI)(R12*2)
	SHRQ $16, BX
	MOVWLZX 6(SI), R13
	ADDW BX, (DI)(R13*2)
	VMOVQ X1, BX
	MOVWLZX 8(SI), AX
	ADDW R10, (DI)(AX*2)
	SHRQ $16, R10
	MOVWLZX 10(SI), R11
	ADDW R10, (DI)(R11*2)
	SHRQ $16, R10
	MOVWLZX 12(SI), R12
	ADDW R10, (DI)(R12*2)
	SHRQ $16, R10
	MOVWLZX 14(SI), R13
	ADDW R10, (DI)(R13*2)
	VPEXTRQ $1, X1, R10
	MOVWLZX 16(SI), AX
	ADDW BX, (DI)(AX*2)
	SHRQ $16, BX
	MOVWLZX 18(SI), R11
	ADDW BX, (DI)(R11*2)
	SHRQ $16, BX
	MOVWLZX 20(SI), R12
	ADDW BX, (DI)(R12*2)
	SHRQ $16, BX
	MOVWLZX 22(SI), R13
	ADDW BX, (DI)(R13*2)
	MOVWLZX 24(SI), AX
	ADDW R10, (DI)(AX*2)
	SHRQ $16, R10
	MOVWLZX 26(SI), R11
	ADDW R10, (DI)(R11*2)
	SHRQ $16, R10
	MOVWLZX 28(SI), R12
	ADDW R10, (DI)(R12*2)
	SHRQ $16, R10
	MOVWLZX 30(SI), R13
	ADDW R10, (DI)(R13*2)
	ADDQ $32, SI
	ADDQ $16, DX
	SUBQ $16, CX
	JGE  sixteen
rest:
	ADDQ $16, CX
	JEQ  done
	MOVQ 48(R8), R10
one:
	MOVBLZX (DX), BX
	MOVWLZX (SI), AX
	IMULL R10, BX
	SHRL $8, BX
	INCL BX
	ADDW BX, (DI)(AX*2)
	ADDQ $2, SI
	INCQ DX
	DECQ CX
	JNE  one
done:
	ADDQ $PIECE, R8
	CMPQ R8, R9
	JB   next
	VZEROUPPER
	RET

// func tallyAMD64(acc *[span]uint8, pieces []piece)
TEXT ·tallyAMD64(SB), NOSPLIT, $0-32
	MOVQ acc+0(FP), DI
	MOVQ pieces_base+8(FP), R8
	MOVQ pieces_len+16(FP), R9
	IMULQ $PIECE, R9
	ADDQ R8, R9
next:
	AHEAD
fetched:
	MOVQ 0(R8), SI
	MOVQ 8(R8), CX
	SUBQ $8, CX
	JL   rest
eight:
	MOVQ (SI), AX
	MOVQ 8(SI), BX
	MOVWLZX AX, R10
	SHRQ $16, AX
	ADDB $1, (DI)(R10*1)
	MOVWLZX AX, R11
	SHRQ $16, AX
	ADDB $1, (DI)(R11*1)
	MOVWLZX AX, R12
	SHRQ $16, AX
	ADDB $1, (DI)(R12*1)
	MOVWLZX AX, R13
	ADDB $1, (DI)(R13*1)
	MOVWLZX BX, R10
	SHRQ $16, BX
	ADDB $1, (DI)(R10*1)
	MOVWLZX BX, R11
	SHRQ $16, BX
	ADDB $1, (DI)(R11*1)
	MOVWLZX BX, R12
	SHRQ $16, BX
	ADDB $1, (DI)(R12*1)
	MOVWLZX BX, R13
	ADDB $1, (DI)(R13*1)
	ADDQ $16, SI
	SUBQ $8, CX
	JGE  eight
rest:
	ADDQ $8, CX
	JEQ  done
one:
	MOVWLZX (SI), AX
	ADDB $1, (DI)(AX*1)
	ADDQ $2, SI
	DECQ CX
	JNE  one
done:
	ADDQ $PIECE, R8
	CMPQ R8, R9
	JB   next
	RET

// FOUND16 appends the words that mask Y has set, of the 32 bytes at off(SI).
#define FOUND16(Y, off, loop, end) \
	VPMOVMSKB Y, DX            \
	TESTL DX, DX               \
	JEQ  end                   \
loop:                          \
	BSFL DX, BX                \
	MOVWLZX off(SI)(BX*1), R11 \
	SHLL $16, R11              \
	SHRL $1, BX                \
	LEAL (off/2)(BX)(R10*1), R12 \
	ORL  R12, R11              \
	MOVL R11, (R9)             \
	ADDQ $4, R9                \
	LEAL -1(DX), R11           \
	ANDL R11, DX               \
	LEAL -1(DX), R11           \
	ANDL R11, DX               \
	JNE  loop                  \
end:                           \

// func scan16AVX2(counters *uint16, n int, limit, fill uint16, found *uint32) int
TEXT ·scan16AVX2(SB), NOSPLIT, $0-40
	MOVQ counters+0(FP), SI
	MOVQ n+8(FP), CX
	MOVWLZX limit+16(FP), AX
	VMOVD AX, X8
	VPBROADCASTW X8, Y8
	MOVWLZX fill+18(FP), AX
	VMOVD AX, X9
	VPBROADCASTW X9, Y9
	MOVQ found+24(FP), R9
	MOVQ R9, DI
	XORL R10, R10
group:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VPMAXUW Y8, Y0, Y4
	VPMAXUW Y8, Y1, Y5
	VPMAXUW Y8, Y2, Y6
	VPMAXUW Y8, Y3, Y7
	VPCMPEQW Y0, Y4, Y4
	VPCMPEQW Y1, Y5, Y5
	VPCMPEQW Y2, Y6, Y6
	VPCMPEQW Y3, Y7, Y7
	VPOR Y4, Y5, Y10
	VPOR Y6, Y7, Y11
	VPOR Y10, Y11, Y10
	VPTEST Y10, Y10
	JEQ  reset
	FOUND16(Y4, 0, bits0, none0)
	FOUND16(Y5, 32, bits1, none1)
	FOUND16(Y6, 64, bits2, none2)
	FOUND16(Y7, 96, bits3, none3)
reset:
	VMOVDQU Y9, 0(SI)
	VMOVDQU Y9, 32(SI)
	VMOVDQU Y9, 64(SI)
	VMOVDQU Y9, 96(SI)
	ADDQ $128, SI
	ADDL $64, R10
	SUBQ $64, CX
	JGT  group
	SUBQ DI, R9
	SHRQ $2, R9
	MOVQ R9, ret+32(FP)
	VZEROUPPER
	RET

// FOUND8 appends the bytes that mask Y has set, of the 32 at off(SI).
#define FOUND8(Y, off, loop, end) \
	VPMOVMSKB Y, DX            \
	TESTL DX, DX               \
	JEQ  end                   \
loop:                          \
	BSFL DX, BX                \
	MOVBLZX off(SI)(BX*1), R11 \
	SHLL $16, R11              \
	LEAL off(BX)(R10*1), R12   \
	ORL  R12, R11              \
	MOVL R11, (R9)             \
	ADDQ $4, R9                \
	LEAL -1(DX), R11           \
	ANDL R11, DX               \
	JNE  loop                  \
end:                           \

// func scan8AVX2(counters *uint8, n int, limit, fill uint8, found *uint32) int
TEXT ·scan8AVX2(SB), NOSPLIT, $0-40
	MOVQ counters+0(FP), SI
	MOVQ n+8(FP), CX
	MOVBLZX limit+16(FP), AX
	VMOVD AX, X8
	VPBROADCASTB X8, Y8
	MOVBLZX fill+17(FP), AX
	VMOVD AX, X9
	VPBROADCASTB X9, Y9
	MOVQ found+24(FP), R9
	MOVQ R9, DI
	XORL R10, R10
group:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VPMAXUB Y8, Y0, Y4
	VPMAXUB Y8, Y1, Y5
	VPCMPEQB Y0, Y4, Y4
	VPCMPEQB Y1, Y5, Y5
	VPOR Y4, Y5, Y10
	VPTEST Y10, Y10
	JEQ  reset
	FOUND8(Y4, 0, bits0, none0)
	FOUND8(Y5, 32, bits1, none1)
reset:
	VMOVDQU Y9, 0(SI)
	VMOVDQU Y9, 32(SI)
	ADDQ $64, SI
	ADDL $64, R10
	SUBQ $64, CX
	JGT  group
	SUBQ DI, R9
	SHRQ $2, R9
	MOVQ R9, ret+32(FP)
	VZEROUPPER
	RET

// func dotRowsAVX2(q *int16, rows *int8, n, count int, sums *int32)
TEXT ·dotRowsAVX2(SB), NOSPLIT, $0-40
	MOVQ q+0(FP), R8
	MOVQ rows+8(FP), DI
	MOVQ n+16(FP), R9
	MOVQ count+24(FP), R10
	MOVQ sums+32(FP), R11
row:
	MOVQ R8, SI
	MOVQ R9, CX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
loop:
	VPMOVSXBW (DI), Y2
	VPMADDWD (SI), Y2, Y2
	VPADDD Y2, Y0, Y0
	VPMOVSXBW 16(DI), Y3
	VPMADDWD 32(SI), Y3, Y3
	VPADDD Y3, Y1, Y1
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JGT  loop
	VPADDD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x4E, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xB1, X0, X1
	VPADDD X1, X0, X0
	VMOVD X0, (R11)
	ADDQ $4, R11
	DECQ R10
	JNE  row
	VZEROUPPER
	RET
