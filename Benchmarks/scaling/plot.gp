# gnuplot plot.gp: draws the tables again, as SVG and PNG.
$ranks << EOD
1 2.5951 2.4074 2.7827 1.0000 1.0000 1.0000 1.1309 1.0000
2 3.4427 2.4677 4.4177 0.7538 0.3769 1.1471 0.6515 0.8190
4 3.0788 2.9530 3.2047 0.8429 0.2107 1.7355 0.4514 0.6927
EOD
$ranks_phases << EOD
1 0.0140 0.7831 1.2504 0.0022 0.3311 0.0001 0.0618 0.0077 0.0024 0.0819 0.0166 0.0439
2 0.0185 0.5076 1.3103 0.2598 0.2156 0.0085 0.0474 0.0623 0.0029 0.1135 0.0177 0.8782
4 0.0331 0.2180 1.0601 0.3167 0.0876 0.0075 0.0251 0.0872 0.0029 0.0465 0.0094 1.1829
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
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $ranks using 1:8 with linespoints dt 3 title 'predicted', 3.01887 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $ranks using 1:8 with linespoints dt 3 title 'predicted', 3.01887 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $ranks_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $ranks_phases using 3 lc rgb '#1f77b4' title 'forward', $ranks_phases using 4 lc rgb '#ff7f0e' title 'hessian', $ranks_phases using 5 lc rgb '#d62728' title 'reduce', $ranks_phases using 6 lc rgb '#2ca02c' title 'factor', $ranks_phases using 7 lc rgb '#e377c2' title 'broadcast', $ranks_phases using 8 lc rgb '#9467bd' title 'solve', $ranks_phases using 9 lc rgb '#bcbd22' title 'gather', $ranks_phases using 10 lc rgb '#17becf' title 'replace', $ranks_phases using 11 lc rgb '#8c564b' title 'measure', $ranks_phases using 12 lc rgb '#c7c7c7' title 'write', $ranks_phases using 13 lc rgb '#eeeeee' title 'wait'
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
plot $ranks_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $ranks_phases using 3 lc rgb '#1f77b4' title 'forward', $ranks_phases using 4 lc rgb '#ff7f0e' title 'hessian', $ranks_phases using 5 lc rgb '#d62728' title 'reduce', $ranks_phases using 6 lc rgb '#2ca02c' title 'factor', $ranks_phases using 7 lc rgb '#e377c2' title 'broadcast', $ranks_phases using 8 lc rgb '#9467bd' title 'solve', $ranks_phases using 9 lc rgb '#bcbd22' title 'gather', $ranks_phases using 10 lc rgb '#17becf' title 'replace', $ranks_phases using 11 lc rgb '#8c564b' title 'measure', $ranks_phases using 12 lc rgb '#c7c7c7' title 'write', $ranks_phases using 13 lc rgb '#eeeeee' title 'wait'
unset output
$threads << EOD
1 2.5374 2.1182 2.9566 1.0000 1.0000 1.0000 1.1309 1.0000
2 3.2278 2.2003 4.2553 0.7861 0.3931 0.6553 0.6503 0.9335
EOD
$threads_phases << EOD
1 0.0107 0.7694 1.2163 0.0039 0.2961 0.0001 0.0596 0.0032 0.0024 0.1031 0.0162 0.0563
2 0.0106 0.9797 1.4897 0.0020 0.4532 0.0001 0.0910 0.0032 0.0067 0.1124 0.0357 0.0435
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
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $threads using 1:8 with linespoints dt 3 title 'predicted', 2.88260 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $threads using 1:8 with linespoints dt 3 title 'predicted', 2.88260 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $threads_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $threads_phases using 3 lc rgb '#1f77b4' title 'forward', $threads_phases using 4 lc rgb '#ff7f0e' title 'hessian', $threads_phases using 5 lc rgb '#d62728' title 'reduce', $threads_phases using 6 lc rgb '#2ca02c' title 'factor', $threads_phases using 7 lc rgb '#e377c2' title 'broadcast', $threads_phases using 8 lc rgb '#9467bd' title 'solve', $threads_phases using 9 lc rgb '#bcbd22' title 'gather', $threads_phases using 10 lc rgb '#17becf' title 'replace', $threads_phases using 11 lc rgb '#8c564b' title 'measure', $threads_phases using 12 lc rgb '#c7c7c7' title 'write', $threads_phases using 13 lc rgb '#eeeeee' title 'wait'
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
plot $threads_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $threads_phases using 3 lc rgb '#1f77b4' title 'forward', $threads_phases using 4 lc rgb '#ff7f0e' title 'hessian', $threads_phases using 5 lc rgb '#d62728' title 'reduce', $threads_phases using 6 lc rgb '#2ca02c' title 'factor', $threads_phases using 7 lc rgb '#e377c2' title 'broadcast', $threads_phases using 8 lc rgb '#9467bd' title 'solve', $threads_phases using 9 lc rgb '#bcbd22' title 'gather', $threads_phases using 10 lc rgb '#17becf' title 'replace', $threads_phases using 11 lc rgb '#8c564b' title 'measure', $threads_phases using 12 lc rgb '#c7c7c7' title 'write', $threads_phases using 13 lc rgb '#eeeeee' title 'wait'
unset output
$nodes << EOD
1 2.9372 2.8914 2.9830 1.0000 1.0000 1.0000 1.1309 NaN
2 5.9302 5.8996 5.9608 0.4953 0.2476 1.0439 1.8117 NaN
4 4.8550 4.4515 5.2585 0.6050 0.1512 1.1658 1.6902 NaN
EOD
$nodes_phases << EOD
1 0.0223 0.8822 1.3632 0.0040 0.3891 0.0001 0.0759 0.0051 0.0024 0.1235 0.0230 0.0463
2 0.0296 0.5911 1.5765 0.7793 0.3841 0.3004 0.0669 0.0919 0.0033 0.1854 0.0210 1.8989
4 0.0388 0.2142 0.9218 0.9078 0.2610 0.2866 0.0322 0.0974 0.0032 0.1002 0.0052 1.9853
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
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $nodes using 1:8 with linespoints dt 3 title 'predicted', 4.43370 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', $nodes using 1:8 with linespoints dt 3 title 'predicted', 4.43370 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $nodes_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $nodes_phases using 3 lc rgb '#1f77b4' title 'forward', $nodes_phases using 4 lc rgb '#ff7f0e' title 'hessian', $nodes_phases using 5 lc rgb '#d62728' title 'reduce', $nodes_phases using 6 lc rgb '#2ca02c' title 'factor', $nodes_phases using 7 lc rgb '#e377c2' title 'broadcast', $nodes_phases using 8 lc rgb '#9467bd' title 'solve', $nodes_phases using 9 lc rgb '#bcbd22' title 'gather', $nodes_phases using 10 lc rgb '#17becf' title 'replace', $nodes_phases using 11 lc rgb '#8c564b' title 'measure', $nodes_phases using 12 lc rgb '#c7c7c7' title 'write', $nodes_phases using 13 lc rgb '#eeeeee' title 'wait'
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
plot $nodes_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $nodes_phases using 3 lc rgb '#1f77b4' title 'forward', $nodes_phases using 4 lc rgb '#ff7f0e' title 'hessian', $nodes_phases using 5 lc rgb '#d62728' title 'reduce', $nodes_phases using 6 lc rgb '#2ca02c' title 'factor', $nodes_phases using 7 lc rgb '#e377c2' title 'broadcast', $nodes_phases using 8 lc rgb '#9467bd' title 'solve', $nodes_phases using 9 lc rgb '#bcbd22' title 'gather', $nodes_phases using 10 lc rgb '#17becf' title 'replace', $nodes_phases using 11 lc rgb '#8c564b' title 'measure', $nodes_phases using 12 lc rgb '#c7c7c7' title 'write', $nodes_phases using 13 lc rgb '#eeeeee' title 'wait'
unset output
$weak << EOD
1 1.9294 1.7645 2.0944 1.0000 1.0000 0.0000 0.7178 1.0000
2 4.1737 4.1057 4.2417 0.9246 0.4623 0.0000 0.6515 1.0659
4 6.0365 5.9425 6.1305 1.2785 0.3196 0.0000 0.9939 1.1046
EOD
$weak_phases << EOD
1 0.0130 0.4842 0.8167 0.0018 0.3986 0.0001 0.0798 0.0068 0.0086 0.0532 0.0247 0.0420
2 0.0139 0.5347 1.5988 0.3348 0.2358 0.0146 0.0455 0.0549 0.0031 0.1251 0.0117 1.2007
4 0.0381 0.6350 2.6474 0.4486 0.1289 0.0067 0.0212 0.1016 0.0036 0.1016 0.0071 1.8935
EOD
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'weak-time.svg'
set title 'Weak scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $weak using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 1.9294 with lines dt 2 lc rgb '#888888' title 'ideal', $weak using 1:8 with linespoints dt 3 title 'predicted'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'weak-time.png'
set title 'Weak scaling: seconds'
set key below
set grid ytics lc rgb '#dddddd'
set logscale x 2
set xtics (1, 2, 4)
set xlabel 'ranks'
set xrange [0.8:5.0]
set ylabel 'seconds'
set yrange [0:*]
plot $weak using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 1.9294 with lines dt 2 lc rgb '#888888' title 'ideal', $weak using 1:8 with linespoints dt 3 title 'predicted'
unset output
reset
set terminal svg size 760,440 dynamic background '#ffffff' font 'sans,13'
set output 'weak-phases.svg'
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
plot $weak_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $weak_phases using 3 lc rgb '#1f77b4' title 'forward', $weak_phases using 4 lc rgb '#ff7f0e' title 'hessian', $weak_phases using 5 lc rgb '#d62728' title 'reduce', $weak_phases using 6 lc rgb '#2ca02c' title 'factor', $weak_phases using 7 lc rgb '#e377c2' title 'broadcast', $weak_phases using 8 lc rgb '#9467bd' title 'solve', $weak_phases using 9 lc rgb '#bcbd22' title 'gather', $weak_phases using 10 lc rgb '#17becf' title 'replace', $weak_phases using 11 lc rgb '#8c564b' title 'measure', $weak_phases using 12 lc rgb '#c7c7c7' title 'write', $weak_phases using 13 lc rgb '#eeeeee' title 'wait'
unset output
reset
set terminal pngcairo size 760,440 font 'sans,11'
set output 'weak-phases.png'
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
plot $weak_phases using 2:xtic(1) lc rgb '#7f7f7f' title 'read', $weak_phases using 3 lc rgb '#1f77b4' title 'forward', $weak_phases using 4 lc rgb '#ff7f0e' title 'hessian', $weak_phases using 5 lc rgb '#d62728' title 'reduce', $weak_phases using 6 lc rgb '#2ca02c' title 'factor', $weak_phases using 7 lc rgb '#e377c2' title 'broadcast', $weak_phases using 8 lc rgb '#9467bd' title 'solve', $weak_phases using 9 lc rgb '#bcbd22' title 'gather', $weak_phases using 10 lc rgb '#17becf' title 'replace', $weak_phases using 11 lc rgb '#8c564b' title 'measure', $weak_phases using 12 lc rgb '#c7c7c7' title 'write', $weak_phases using 13 lc rgb '#eeeeee' title 'wait'
unset output
