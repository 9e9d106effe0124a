# gnuplot plot.gp: draws the tables again, as SVG and PNG.
$ranks << EOD
1 2.8316 2.3044 3.3589 1.0000 1.0000 1.0000 NaN 1.0000
2 4.0166 3.9893 4.0439 0.7050 0.3525 1.1779 NaN 0.8400
4 3.5799 3.2686 3.8912 0.7910 0.1977 2.4704 NaN 0.6659
EOD
$ranks_phases << EOD
1 0.0175 0.8482 1.3513 0.0042 0.3361 0.0001 0.0781 0.0068 0.0039 0.1134 0.0250 0.0471
2 0.0140 0.6435 1.5519 0.3194 0.2050 0.0113 0.0617 0.0637 0.0033 0.1210 0.0175 1.0040
4 0.0341 0.2498 1.2788 0.3647 0.1173 0.0076 0.0239 0.0776 0.0032 0.0629 0.0042 1.3538
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
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 3.42412 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $ranks using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 3.42412 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
1 3.1528 3.0684 3.2371 1.0000 1.0000 1.0000 NaN 1.0000
2 2.9056 2.5441 3.2670 1.0851 0.5425 1.1362 NaN 0.9694
EOD
$threads_phases << EOD
1 0.0118 1.0001 1.4814 0.0021 0.3684 0.0001 0.0850 0.0048 0.0046 0.1008 0.0407 0.0531
2 0.0149 0.8391 1.4257 0.0020 0.3702 0.0001 0.0748 0.0030 0.0025 0.1032 0.0254 0.0446
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
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 2.65839 + 0.49437 / x with lines dt 2 title 'Amdahl fit'
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
plot $threads using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 2.65839 + 0.49437 / x with lines dt 2 title 'Amdahl fit'
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
1 2.8631 2.2445 3.4817 1.0000 1.0000 1.0000 NaN NaN
2 4.9042 3.8284 5.9799 0.5838 0.2919 1.2963 NaN NaN
4 5.2172 4.8369 5.5975 0.5488 0.1372 1.6387 NaN NaN
EOD
$nodes_phases << EOD
1 0.0109 0.8609 1.3806 0.0032 0.3339 0.0001 0.0766 0.0028 0.0026 0.1080 0.0231 0.0604
2 0.0151 0.5393 1.3576 0.7552 0.2848 0.2882 0.0532 0.0802 0.0034 0.1495 0.0148 1.3617
4 0.0378 0.2422 1.0318 0.9868 0.2385 0.2985 0.0313 0.1426 0.0036 0.1055 0.0091 2.0857
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
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 3.88362 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
plot $nodes using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 3.88362 + 0.00000 / x with lines dt 2 title 'Amdahl fit'
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
1 1.5015 1.3730 1.6300 1.0000 1.0000 0.0000 NaN 1.0000
2 2.5750 2.5719 2.5781 1.1662 0.5831 0.0000 NaN 1.1154
4 5.7149 4.9621 6.4676 1.0510 0.2627 0.0000 NaN 1.1240
EOD
$weak_phases << EOD
1 0.0098 0.3844 0.6361 0.0020 0.2899 0.0001 0.0594 0.0051 0.0028 0.0444 0.0161 0.0513
2 0.0182 0.4362 1.0846 0.1874 0.1500 0.0075 0.0348 0.0568 0.0030 0.0893 0.0083 0.4986
4 0.0371 0.6484 2.3627 0.4737 0.1344 0.0073 0.0220 0.1409 0.0033 0.0986 0.0046 1.7767
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
plot $weak using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 1.5015 with lines dt 2 lc rgb '#888888' title 'ideal'
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
plot $weak using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'whole run (median, min, max)', 1.5015 with lines dt 2 lc rgb '#888888' title 'ideal'
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
