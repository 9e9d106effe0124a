# gnuplot plot.gp: draws the tables again, as SVG and PNG.
$ranks << EOD
1 8.2318 8.1531 8.3056 1.0000 1.0000 1.0000 8.1968 1.0000
2 4.4754 4.4200 4.5007 1.8393 0.9197 1.9278 4.1496 0.9390
4 4.7479 4.7016 4.8922 1.7338 0.4334 2.0854 2.1161 0.8817
EOD
$ranks_phases << EOD
1 0.0018 4.0213 2.4573 0.0000 0.2925 0.0000 0.4510 0.0007 0.0070 0.0230 0.8498 0.0472 0.0393
2 0.0023 2.1352 1.3045 0.0062 0.1591 0.0063 0.2324 0.0027 0.0088 0.0110 0.4455 0.0234 0.1472
4 0.0047 1.9879 1.2491 0.0040 0.1793 0.0036 0.1921 0.0127 0.0105 0.0065 0.3880 0.0113 0.6706
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'ranks-time.svg'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $ranks using 1:8 with linespoints dt 3 title 'predicted', 0.71912 + 7.51265 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'ranks-time.png'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $ranks using 1:8 with linespoints dt 3 title 'predicted', 0.71912 + 7.51265 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'ranks-speedup.svg'
set title 'Speed-up over ranks'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $ranks using 1:5 with linespoints lw 2 pt 7 title 'whole run', $ranks using 1:7 with linespoints lw 2 pt 5 title 'row solve', $ranks using 1:($1 / 1 * $9) with linespoints lw 2 pt 9 title 'as processor time allows'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'ranks-speedup.png'
set title 'Speed-up over ranks'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $ranks using 1:5 with linespoints lw 2 pt 7 title 'whole run', $ranks using 1:7 with linespoints lw 2 pt 5 title 'row solve', $ranks using 1:($1 / 1 * $9) with linespoints lw 2 pt 9 title 'as processor time allows'
unset output
$ranks_speedups << EOD
"read" 0.78
"forward" 1.88
"hessian" 1.87
"factor" 1.76
"solve" 1.93
"gather" 0.24
"replace" 0.77
"commit" 1.05
"measure" 1.91
"write" 1.01
"whole run" 1.84
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'ranks-phase-speedup.svg'
set title 'Speed-up of each phase at 2 ranks'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $ranks_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'ranks-phase-speedup.png'
set title 'Speed-up of each phase at 2 ranks'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $ranks_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'ranks-phases.svg'
set title 'Seconds of a rank by phase (mean over ranks), by ranks'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'ranks'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $ranks_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $ranks_phases using 3 lc rgb '#1f77b4' title 'forward', $ranks_phases using 4 lc rgb '#ff7f0e' title 'hessian', $ranks_phases using 5 lc rgb '#d62728' title 'reduce', $ranks_phases using 6 lc rgb '#2ca02c' title 'factor', $ranks_phases using 7 lc rgb '#e377c2' title 'broadcast', $ranks_phases using 8 lc rgb '#9467bd' title 'solve', $ranks_phases using 9 lc rgb '#bcbd22' title 'gather', $ranks_phases using 10 lc rgb '#17becf' title 'replace', $ranks_phases using 11 lc rgb '#4d4d4d' title 'commit', $ranks_phases using 12 lc rgb '#8c564b' title 'measure', $ranks_phases using 13 lc rgb '#c7c7c7' title 'write', $ranks_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'ranks-phases.png'
set title 'Seconds of a rank by phase (mean over ranks), by ranks'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'ranks'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $ranks_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $ranks_phases using 3 lc rgb '#1f77b4' title 'forward', $ranks_phases using 4 lc rgb '#ff7f0e' title 'hessian', $ranks_phases using 5 lc rgb '#d62728' title 'reduce', $ranks_phases using 6 lc rgb '#2ca02c' title 'factor', $ranks_phases using 7 lc rgb '#e377c2' title 'broadcast', $ranks_phases using 8 lc rgb '#9467bd' title 'solve', $ranks_phases using 9 lc rgb '#bcbd22' title 'gather', $ranks_phases using 10 lc rgb '#17becf' title 'replace', $ranks_phases using 11 lc rgb '#4d4d4d' title 'commit', $ranks_phases using 12 lc rgb '#8c564b' title 'measure', $ranks_phases using 13 lc rgb '#c7c7c7' title 'write', $ranks_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
$threads << EOD
1 8.4018 8.1007 8.9401 1.0000 1.0000 1.0000 8.1967 1.0000
2 4.6729 4.4222 10.1142 1.7980 0.8990 1.8620 4.1158 0.9307
EOD
$threads_phases << EOD
1 0.0017 4.1393 2.5038 0.0000 0.3038 0.0000 0.4601 0.0007 0.0078 0.0269 0.8726 0.0493 0.0387
2 0.0018 2.1820 1.3741 0.0000 0.2961 0.0000 0.2471 0.0008 0.0082 0.0220 0.4696 0.0479 0.0427
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'threads-time.svg'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2)
set xlabel 'threads'
set xrange [0.8:2.5]
set ylabel 'seconds'
set yrange [0:*]
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $threads using 1:8 with linespoints dt 3 title 'predicted', 0.94409 + 7.45771 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'threads-time.png'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2)
set xlabel 'threads'
set xrange [0.8:2.5]
set ylabel 'seconds'
set yrange [0:*]
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $threads using 1:8 with linespoints dt 3 title 'predicted', 0.94409 + 7.45771 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'threads-speedup.svg'
set title 'Speed-up over threads'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2)
set xlabel 'threads'
set xrange [0.8:2.5]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $threads using 1:5 with linespoints lw 2 pt 7 title 'whole run', $threads using 1:7 with linespoints lw 2 pt 5 title 'row solve', $threads using 1:($1 / 1 * $9) with linespoints lw 2 pt 9 title 'as processor time allows'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'threads-speedup.png'
set title 'Speed-up over threads'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2)
set xlabel 'threads'
set xrange [0.8:2.5]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $threads using 1:5 with linespoints lw 2 pt 7 title 'whole run', $threads using 1:7 with linespoints lw 2 pt 5 title 'row solve', $threads using 1:($1 / 1 * $9) with linespoints lw 2 pt 9 title 'as processor time allows'
unset output
$threads_speedups << EOD
"read" 0.94
"forward" 1.90
"hessian" 1.82
"factor" 1.03
"solve" 1.86
"gather" 0.88
"replace" 0.94
"commit" 1.22
"measure" 1.86
"write" 1.03
"whole run" 1.80
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'threads-phase-speedup.svg'
set title 'Speed-up of each phase at 2 threads'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $threads_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'threads-phase-speedup.png'
set title 'Speed-up of each phase at 2 threads'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $threads_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'threads-phases.svg'
set title 'Seconds of a rank by phase (mean over ranks), by threads'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'threads'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $threads_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $threads_phases using 3 lc rgb '#1f77b4' title 'forward', $threads_phases using 4 lc rgb '#ff7f0e' title 'hessian', $threads_phases using 5 lc rgb '#d62728' title 'reduce', $threads_phases using 6 lc rgb '#2ca02c' title 'factor', $threads_phases using 7 lc rgb '#e377c2' title 'broadcast', $threads_phases using 8 lc rgb '#9467bd' title 'solve', $threads_phases using 9 lc rgb '#bcbd22' title 'gather', $threads_phases using 10 lc rgb '#17becf' title 'replace', $threads_phases using 11 lc rgb '#4d4d4d' title 'commit', $threads_phases using 12 lc rgb '#8c564b' title 'measure', $threads_phases using 13 lc rgb '#c7c7c7' title 'write', $threads_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'threads-phases.png'
set title 'Seconds of a rank by phase (mean over ranks), by threads'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'threads'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $threads_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $threads_phases using 3 lc rgb '#1f77b4' title 'forward', $threads_phases using 4 lc rgb '#ff7f0e' title 'hessian', $threads_phases using 5 lc rgb '#d62728' title 'reduce', $threads_phases using 6 lc rgb '#2ca02c' title 'factor', $threads_phases using 7 lc rgb '#e377c2' title 'broadcast', $threads_phases using 8 lc rgb '#9467bd' title 'solve', $threads_phases using 9 lc rgb '#bcbd22' title 'gather', $threads_phases using 10 lc rgb '#17becf' title 'replace', $threads_phases using 11 lc rgb '#4d4d4d' title 'commit', $threads_phases using 12 lc rgb '#8c564b' title 'measure', $threads_phases using 13 lc rgb '#c7c7c7' title 'write', $threads_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
$nodes << EOD
1 8.2679 7.9060 8.6923 1.0000 1.0000 1.0000 8.1966 NaN
2 6.2802 6.2266 6.3697 1.3165 0.6583 1.9245 5.9171 NaN
4 6.9379 6.8448 6.9857 1.1917 0.2979 2.9428 4.0172 NaN
EOD
$nodes_phases << EOD
1 0.0018 4.0054 2.5403 0.0000 0.2963 0.0000 0.4507 0.0007 0.0069 0.0218 0.8458 0.0463 0.0450
2 0.0024 2.1349 1.2735 0.9443 0.2240 0.4711 0.2330 0.0480 0.0098 0.0115 0.4464 0.0222 0.5089
4 0.0090 2.0048 1.2512 1.0117 0.2460 0.5169 0.1405 0.0802 0.0104 0.0065 0.4430 0.0115 1.1491
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'nodes-time.svg'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'nodes'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $nodes using 1:8 with linespoints dt 3 title 'predicted', 4.29248 + 3.97542 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'nodes-time.png'
set title 'Strong scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'nodes'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $nodes using 1:8 with linespoints dt 3 title 'predicted', 4.29248 + 3.97542 / x with lines dt 2 title 'Amdahl fit'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'nodes-speedup.svg'
set title 'Speed-up over nodes'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'nodes'
set xrange [0.8:5.0]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $nodes using 1:5 with linespoints lw 2 pt 7 title 'whole run', $nodes using 1:7 with linespoints lw 2 pt 5 title 'row solve'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'nodes-speedup.png'
set title 'Speed-up over nodes'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'nodes'
set xrange [0.8:5.0]
set logscale y 2
set ylabel 'speed-up'
plot x / 1 with lines dt 2 lc rgb '#888888' title 'ideal', $nodes using 1:5 with linespoints lw 2 pt 7 title 'whole run', $nodes using 1:7 with linespoints lw 2 pt 5 title 'row solve'
unset output
$nodes_speedups << EOD
"read" 0.70
"forward" 1.87
"hessian" 1.99
"factor" 0.98
"solve" 1.92
"gather" 0.01
"replace" 0.68
"commit" 0.95
"measure" 1.87
"write" 1.04
"whole run" 1.32
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'nodes-phase-speedup.svg'
set title 'Speed-up of each phase at 2 nodes'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $nodes_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'nodes-phase-speedup.png'
set title 'Speed-up of each phase at 2 nodes'
set key below
set grid ytics lc rgb '#dddddd'
unset key
set style fill solid
set boxwidth 0.6
set ylabel 'speed-up'
set yrange [0:*]
set xtics rotate by -35
set rmargin 6
plot $nodes_speedups using 0:2:($0 == 10 ? 1 : 2):xtic(1) with boxes lc variable, 2.0 with lines dt 2 lc rgb '#888888'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'nodes-phases.svg'
set title 'Seconds of a rank by phase (mean over ranks), by nodes'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'nodes'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $nodes_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $nodes_phases using 3 lc rgb '#1f77b4' title 'forward', $nodes_phases using 4 lc rgb '#ff7f0e' title 'hessian', $nodes_phases using 5 lc rgb '#d62728' title 'reduce', $nodes_phases using 6 lc rgb '#2ca02c' title 'factor', $nodes_phases using 7 lc rgb '#e377c2' title 'broadcast', $nodes_phases using 8 lc rgb '#9467bd' title 'solve', $nodes_phases using 9 lc rgb '#bcbd22' title 'gather', $nodes_phases using 10 lc rgb '#17becf' title 'replace', $nodes_phases using 11 lc rgb '#4d4d4d' title 'commit', $nodes_phases using 12 lc rgb '#8c564b' title 'measure', $nodes_phases using 13 lc rgb '#c7c7c7' title 'write', $nodes_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'nodes-phases.png'
set title 'Seconds of a rank by phase (mean over ranks), by nodes'
set key below
set grid ytics lc rgb '#dddddd'
set style data histograms
set style histogram rowstacked
set style fill solid
set boxwidth 0.6
set xlabel 'nodes'
set ylabel 'seconds'
set yrange [0:*]
set key invert outside right
plot $nodes_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $nodes_phases using 3 lc rgb '#1f77b4' title 'forward', $nodes_phases using 4 lc rgb '#ff7f0e' title 'hessian', $nodes_phases using 5 lc rgb '#d62728' title 'reduce', $nodes_phases using 6 lc rgb '#2ca02c' title 'factor', $nodes_phases using 7 lc rgb '#e377c2' title 'broadcast', $nodes_phases using 8 lc rgb '#9467bd' title 'solve', $nodes_phases using 9 lc rgb '#bcbd22' title 'gather', $nodes_phases using 10 lc rgb '#17becf' title 'replace', $nodes_phases using 11 lc rgb '#4d4d4d' title 'commit', $nodes_phases using 12 lc rgb '#8c564b' title 'measure', $nodes_phases using 13 lc rgb '#c7c7c7' title 'write', $nodes_phases using 14 lc rgb '#eeeeee' title 'wait'
unset output
